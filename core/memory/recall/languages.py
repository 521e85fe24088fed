"""What recall knows of languages: function words, irregular forms, and the names of months. Pure.

Function words carry no meaning of their own, so they are neither indexed nor looked for; they also
tell which language a text is in. The lists hold the most frequent words of each language, in lower
case; they need not be complete, since a frequent word weighs next to nothing anyway.
"""

from __future__ import annotations

from typing import Final

_FUNCTION_WORDS: Final = {
    "english": """a about after all also am an and any are aren't as at be because been before
        being both but by can can't could couldn't did didn't do does doesn't doing don't each few
        for from get gets getting got had has hasn't have haven't having he he's her here hers
        herself him himself his how i i'd i'll i'm i've if in into is isn't it it's its itself just
        let let's many may me might more most much must my myself no nor not of off on one only or
        other our ours ourselves out over own same she she's should so some such than that that's
        the their theirs them themselves then there there's these they they'd they'll they're
        they've this those through to too under until up us very was wasn't we we'd we'll we're
        we've were weren't what what's when where which while who whom whose why will with without
        won't would wouldn't you you'd you'll you're you've your yours yourself yourselves""",
    "german": """ab aber als am an auch auf aus bei beim bin bis bist da dann das dass dein deine
        dem den denn der des dich die dies diese dieser dir doch du ein eine einem einen einer es
        euch für habe haben hat hatte hatten hier ich ihm ihn ihr ihre im in ist ja kann kein keine
        man mein meine mich mir mit nach nicht noch nur ob oder ohne schon sehr sein seine sich sie
        sind so über um und uns unser unter vom von vor war waren was weil welche wenn wer wie wir
        wird wo wurde zu zum zur""",
    "french": """à ai alors as au aux avait avec avez avons c'est ce ces cet cette chez comme dans
        de des du elle elles en est et été être eu il ils j'ai je la le les leur lui ma mais me même
        mes moi mon ne nos notre nous on ont ou où par pas plus pour qu'il quand que quel quelle qui
        quoi sa sans se ses si son sont sur ta te tes toi ton tu un une vos votre vous y""",
    "spanish": """al algo como con cuando cuál cuándo de del dónde el ella ellos en entre era eres
        es esa ese eso esta está estaba este esto estoy fue ha había hay he la las le les lo los más
        me mi mis muy nada ni no nos o para pero por porque qué que quién se ser si sí sin sobre son
        soy su sus también te tengo tiene todo tu tus un una uno y ya yo""",
    "italian": """ai al alla anche che chi ci come con cosa da dal dalla degli dei del della delle
        di dove e è era gli ha hai hanno ho i il in io la le lei lo loro lui ma mi mia mio nei nel
        nella noi non o per perché più quale quando quello questa questo se sei si sono su sua sul
        suo ti tra tu tuo un una uno vi voi""",
    "portuguese": """a ao aos as até com como da das de dele do dos e é ela ele em era essa esse
        esta está este eu foi há isso já lhe mais mas me meu minha muito na não nas no nos nós o
        onde os ou para pela pelo por porque quais qual quando que quem se sem ser seu sua são
        também te tem tenho um uma você vocês""",
    "dutch": """aan als bij dan dat de deze die dit door een en er geen had hebben heb heeft het
        hij hoe hun ik in is je jij kan maar me meer met mij mijn naar niet nog nu of om onze ook op
        over te toen tot uit van veel voor waar was wat we wel welke wie wij wordt zal ze zich zij
        zijn zo zou""",
    "swedish": """att av blir bli de dem den denna det detta dig din du där efter ej eller en er
        ett för från ha hade han har hon hur här i icke inte jag kan man med men mig min mot mycket
        ni nu när någon och om oss på sin sig ska som så till under upp ut var vad vem vi vill vid
        är även över""",
    "danish": """af alle at blev de dem den denne der deres det dette dig din du efter eller en
        er et for fra ham han har havde hende her hun hvad hvem hvis hvor hvornår i ikke ind jeg
        jer kan man med meget men mig min mit mod ned noget nogle nu når og også om op os over på
        sin skal som så til ud var ved vi vil være""",
    "polish": """a aby ale bardzo bez bo być był była było czy co czego dla do gdzie go i ich ile
        ja jak jaki jako je jego jej jest jestem jeszcze już kiedy kto która które który ma mam mi
        mnie może moja mój na nad nie niego o od on ona oni po pod przez przy się są ta tak tam te
        tego ten to tu twoja tym ty w we wszystko z za ze że""",
    "turkish": """ama ben bana beni benim bir biz bu bunu çok da daha de değil diye en gibi hangi
        hem her için ile kadar ki kim mi mı mu mü nasıl ne neden nerede o olan olarak onu onun
        sana sen seni şey şu var ve veya ya yok""",  # noqa: RUF001 - Turkish
    "finnish": """ei eli en että ja joka jos kaikki kanssa ketä kuin kuka kun kyllä me mikä mitä
        minä minun minulla missä milloin mutta myös ne nyt on oli olen olet ovat se sen sitä sinä
        tai te tämä vain""",
    "czech": """a aby ale ani bez by být byl byla bylo co do i já jak jako je jeho jen jestli ještě
        ji jsem jsi jsou k kde kdo kdy když která které který má mě mi můj na nebo není o od on ona
        po pod pro proč při s se si tak také ten to tu ty u v ve však vy z za že""",
    "romanian": """a acest această ai al am ar are au avea ca că când care ce cel cine cu cum de
        din dintre după ei el ea este eu fi fost în iar îi îmi la mai mea meu nu o pe pentru prin
        sau se și sunt sa să ta tu un unde unei unui""",
    "indonesian": """ada adalah aku akan apa atau bagaimana bahwa belum dalam dan dari dengan di
        dia ia ini itu juga kami kamu kapan karena ke kita mereka oleh pada sama saya siapa sudah
        tidak untuk yang""",
}  # fmt: skip
FUNCTION_WORDS: Final = {
    language: frozenset(words.split()) for language, words in _FUNCTION_WORDS.items()
}

SCRIPTS: Final = {
    "Cyrillic": "russian", "Greek": "greek", "Arabic": "arabic", "Devanagari": "hindi",
    "Armenian": "armenian", "Tamil": "tamil",
}  # fmt: skip
"""The stemmer for words in a script that is not Latin; the others have none."""

_SMALL_TALK: Final = """ah aha alright amazing anyway awesome aww bye cheers cool exactly excellent
    fantastic fine glad good goodbye great ha haha hahaha hehe hello hey hi hm hmm hmmm lol maybe
    morning nice night nope oh ok okay perfect please pretty really right sorry sounds sure thank
    thanks thx totally true uh wonderful wow yay yeah yep yes yup actually think know say said tell
    told well thing things lot
    danke bitte genau gut hallo ja nein klar okay prima schön super tschüss toll
    merci oui non bonjour salut super génial gracias hola sí bueno vale perfecto genial adiós
    grazie ciao bene certo obrigado obrigada olá sim tudo bom dank hoi leuk prima tack hej bra
    спасибо привет да нет хорошо отлично ладно ок пожалуйста понятно круто это что как где когда
    кто она они мне меня тебя для или если был была было есть уже тоже его мой моя"""  # noqa: RUF001 - Russian
_REACTIONS: Final = "👍👎👌🙏👏🙌💪🤝😀😃😄😁😆😅😂🤣😊🙂😉😍😘😎🤔😢😭❤🎉🔥💯✅"
SMALL_TALK: Final = frozenset((*_SMALL_TALK.split(), *_REACTIONS))
"""Words that a message may consist of without being about anything; nobody looks for them alone."""

_FOLLOW_UP: Final = """what who when where which why how he him his she her it its they them their
    that this those these there was wer wann wo welche warum wie er ihm ihn sie ihr es das dies dort
    que quoi qui quand où quel quelle pourquoi comment il elle lui qué quién cuándo dónde cuál cómo
    él ella eso esto che chi quando dove quale perché come lui lei quem onde qual como ele ela isso
    что кто когда где какой какая почему как он его она её они это там"""  # noqa: RUF001 - Russian
FOLLOW_UP: Final = frozenset(_FOLLOW_UP.split())
"""Words that ask about something, or point to something that was said just before."""

_IRREGULAR: Final = """
    arise:arose,arisen be:was,were,been,am,is,are beat:beaten become:became begin:began,begun
    bend:bent bet:betted bind:bound bite:bit,bitten bleed:bled blow:blew,blown
    break:broke,broken breed:bred bring:brought build:built burn:burnt buy:bought catch:caught
    choose:chose,chosen come:came creep:crept deal:dealt dig:dug do:did,done,does
    draw:drew,drawn dream:dreamt drink:drank,drunk drive:drove,driven eat:ate,eaten
    fall:fell,fallen feed:fed feel:felt fight:fought find:found flee:fled fly:flew,flown
    forbid:forbade,forbidden forget:forgot,forgotten forgive:forgave,forgiven
    freeze:froze,frozen get:got,gotten give:gave,given go:went,gone grow:grew,grown hang:hung
    have:had,has hear:heard hide:hid,hidden hold:held keep:kept kneel:knelt know:knew,known
    lead:led lean:leant learn:learnt leave:left lend:lent lie:lay,lain light:lit lose:lost
    make:made mean:meant meet:met pay:paid ride:rode,ridden ring:rang,rung rise:rose,risen
    run:ran say:said see:saw,seen seek:sought sell:sold send:sent sew:sewn shake:shook,shaken
    shine:shone shoot:shot show:shown shrink:shrank,shrunk sing:sang,sung sink:sank,sunk sit:sat
    sleep:slept slide:slid speak:spoke,spoken spell:spelt spend:spent spill:spilt spin:spun
    stand:stood steal:stole,stolen stick:stuck sting:stung strike:struck swear:swore,sworn
    sweep:swept swim:swam,swum swing:swung take:took,taken teach:taught tear:tore,torn tell:told
    think:thought throw:threw,thrown understand:understood wake:woke,woken wear:wore,worn
    weave:wove,woven weep:wept win:won wind:wound write:wrote,written child:children foot:feet
    goose:geese knife:knives leaf:leaves life:lives loaf:loaves man:men mouse:mice person:people
    shelf:shelves thief:thieves tooth:teeth wife:wives wolf:wolves woman:women
    mom:mum,mommy,mummy dad:daddy photo:pic,pics,picture,pictures,photograph kid:kiddo
    bike:bicycle fridge:refrigerator tv:television
"""
IRREGULAR: Final = {
    form: base
    for base, _, forms in (group.partition(":") for group in _IRREGULAR.split())
    for form in forms.split(",")
}
"""Irregular forms of English words, which no stemmer knows, and a few words that mean the same."""

_MONTHS: Final = """
    january jan januar jänner janvier enero gennaio janeiro januari ocak январь января stycznia
    february feb februar février febrero febbraio fevereiro februari şubat февраль февраля lutego
    march mar märz mars marzo março maart mart март марта marca
    april apr avril abril aprile nisan апрель апреля kwietnia
    may mai mayo maggio maio mei maj mayıs май мая maja
    june jun juni juin junio giugno junho haziran июнь июня czerwca
    july jul juli juillet julio luglio julho temmuz июль июля lipca
    august aug août agosto augustus augusti ağustos август августа sierpnia
    september sep sept septembre septiembre settembre setembro eylül сентябрь сентября września
    october oct okt oktober octobre octubre ottobre outubro ekim октябрь октября października
    november nov novembre noviembre novembro kasım ноябрь ноября listopada
    december dec dez dezember décembre diciembre dicembre dezembro aralık декабрь декабря grudnia
"""  # noqa: RUF001 - Turkish and Russian
MONTHS: Final = {
    name: number
    for number, names in enumerate(_MONTHS.strip().splitlines(), start=1)
    for name in names.split()
}
"""The names of months and their numbers."""
