// discord-markdown-parser 1.3.1 (npm), Apache License 2.0; its modules, unchanged, by `bundle.py`.
const modules = {};
modules["index"] = function (exports, require, module) {
"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.rulesExtended = exports.rules = exports.SimpleMarkdown = void 0;
exports.parse = parse;
const simple_markdown_1 = __importDefault(require("./simple-markdown"));
exports.SimpleMarkdown = simple_markdown_1.default;
// import all the rules
const guildNavigation_1 = require("./rules/discord/guildNavigation");
const slashCommand_1 = require("./rules/discord/slashCommand");
const everyone_1 = require("./rules/discord/everyone");
const twemoji_1 = require("./rules/discord/twemoji");
const channel_1 = require("./rules/discord/channel");
const time_1 = require("./rules/discord/time");
const blockQuote_1 = require("./rules/blockQuote");
const strike_1 = require("./rules/strike");
const codeBlock_1 = require("./rules/codeBlock");
const emoji_1 = require("./rules/discord/emoji");
const role_1 = require("./rules/discord/role");
const autolink_1 = require("./rules/autolink");
const here_1 = require("./rules/discord/here");
const emoticon_1 = require("./rules/emoticon");
const user_1 = require("./rules/discord/user");
const spoiler_1 = require("./rules/spoiler");
const heading_1 = require("./rules/heading");
const subtext_1 = require("./rules/subtext");
const text_1 = require("./rules/text");
const url_1 = require("./rules/url");
const em_1 = require("./rules/em");
const br_1 = require("./rules/br");
// rules normal users can use
exports.rules = {
    blockQuote: blockQuote_1.blockQuote,
    codeBlock: codeBlock_1.codeBlock,
    newline: simple_markdown_1.default.defaultRules.newline,
    escape: simple_markdown_1.default.defaultRules.escape,
    autolink: autolink_1.autolink,
    url: url_1.url,
    em: em_1.em,
    strong: simple_markdown_1.default.defaultRules.strong,
    underline: simple_markdown_1.default.defaultRules.u,
    strikethrough: strike_1.strikethrough,
    inlineCode: simple_markdown_1.default.defaultRules.inlineCode,
    text: text_1.text,
    emoticon: emoticon_1.emoticon,
    br: br_1.br,
    spoiler: spoiler_1.spoiler,
    heading: heading_1.heading,
    subtext: subtext_1.subtext,
    // discord specific
    user: user_1.user,
    channel: channel_1.channel,
    role: role_1.role,
    emoji: emoji_1.emoji,
    everyone: everyone_1.everyone,
    here: here_1.here,
    twemoji: twemoji_1.twemoji,
    timestamp: time_1.timestamp,
    slashCommand: slashCommand_1.slashCommand,
    guildNavigation: guildNavigation_1.guildNavigation,
};
// for use in webhooks, embeds, etc
exports.rulesExtended = Object.assign(Object.assign({}, exports.rules), { link: simple_markdown_1.default.defaultRules.link });
// build the parser
const parser = simple_markdown_1.default.parserFor(exports.rules);
const parserExtended = simple_markdown_1.default.parserFor(exports.rulesExtended);
// parse function
function parse(input, type = 'normal') {
    if (type === 'normal')
        return parser(input, { inline: true });
    else
        return parserExtended(input, { inline: true });
}
exports.default = parse;

};
modules["rules/autolink"] = function (exports, require, module) {
"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.autolink = void 0;
const simple_markdown_1 = __importDefault(require("../simple-markdown"));
const extend_1 = require("../utils/extend");
exports.autolink = (0, extend_1.extend)({
    parse: (capture) => {
        return {
            content: [
                {
                    type: 'text',
                    content: capture[1],
                },
            ],
            target: capture[1],
        };
    },
}, simple_markdown_1.default.defaultRules.autolink);

};
modules["rules/blockQuote"] = function (exports, require, module) {
"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.blockQuote = void 0;
const simple_markdown_1 = __importDefault(require("../simple-markdown"));
const extend_1 = require("../utils/extend");
const regex_1 = require("../utils/regex");
exports.blockQuote = (0, extend_1.extend)({
    match: function (source, state, prevSource) {
        return !/^$|\n *$/.test(prevSource) || state.inQuote ? null : regex_1.BlockQuoteRegex.exec(source);
    },
    parse: function (capture, parse, state) {
        const all = capture[0];
        const isBlock = Boolean(/^ *>>> ?/.exec(all));
        const removeSyntaxRegex = isBlock ? /^ *>>> ?/ : /^ *> ?/gm;
        const content = all.replace(removeSyntaxRegex, '');
        return {
            content: parse(content, Object.assign({}, state, { inQuote: true })),
            type: 'blockQuote',
        };
    },
}, simple_markdown_1.default.defaultRules.blockQuote);

};
modules["rules/br"] = function (exports, require, module) {
"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.br = void 0;
const simple_markdown_1 = __importDefault(require("../simple-markdown"));
const extend_1 = require("../utils/extend");
exports.br = (0, extend_1.extend)({
    match: simple_markdown_1.default.anyScopeRegex(/^\n/),
}, simple_markdown_1.default.defaultRules.br);

};
modules["rules/codeBlock"] = function (exports, require, module) {
"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.codeBlock = void 0;
const simple_markdown_1 = __importDefault(require("../simple-markdown"));
const extend_1 = require("../utils/extend");
const regex_1 = require("../utils/regex");
exports.codeBlock = (0, extend_1.extend)({
    match: simple_markdown_1.default.inlineRegex(regex_1.CodeBlockRegex),
    parse: function (capture, _parse, state) {
        return {
            lang: (capture[2] || '').trim(),
            content: capture[3] || '',
            inQuote: state.inQuote || false,
        };
    },
}, simple_markdown_1.default.defaultRules.codeBlock);

};
modules["rules/discord/channel"] = function (exports, require, module) {
"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.channel = void 0;
const simple_markdown_1 = __importDefault(require("../../simple-markdown"));
const regex_1 = require("../../utils/regex");
exports.channel = {
    order: simple_markdown_1.default.defaultRules.strong.order,
    match: (source) => regex_1.ChannelMentionRegex.exec(source),
    parse: function (capture) {
        return {
            id: capture[1],
        };
    },
};

};
modules["rules/discord/emoji"] = function (exports, require, module) {
"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.emoji = void 0;
const simple_markdown_1 = __importDefault(require("../../simple-markdown"));
const regex_1 = require("../../utils/regex");
exports.emoji = {
    order: simple_markdown_1.default.defaultRules.strong.order,
    match: (source) => regex_1.EmojiRegex.exec(source),
    parse: function (capture) {
        return {
            animated: capture[1] === 'a',
            name: capture[2],
            id: capture[3],
        };
    },
};

};
modules["rules/discord/everyone"] = function (exports, require, module) {
"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.everyone = void 0;
const simple_markdown_1 = __importDefault(require("../../simple-markdown"));
const regex_1 = require("../../utils/regex");
exports.everyone = {
    order: simple_markdown_1.default.defaultRules.strong.order,
    match: (source) => regex_1.EveryoneRegex.exec(source),
    parse: function () {
        return {};
    },
};

};
modules["rules/discord/guildNavigation"] = function (exports, require, module) {
"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.guildNavigation = void 0;
const simple_markdown_1 = __importDefault(require("../../simple-markdown"));
const regex_1 = require("../../utils/regex");
exports.guildNavigation = {
    order: simple_markdown_1.default.defaultRules.strong.order,
    match: (source) => regex_1.GuildNavigationRegex.exec(source),
    parse: function (capture) {
        var _a, _b, _c;
        // linked-roles navigation type adds an optional role ID
        const navigation = (_a = capture[2]) !== null && _a !== void 0 ? _a : capture[3];
        if (navigation === 'linked-roles') {
            // the start of the roleId is padded with a colon,
            // so we need to remove it
            const roleId = (_c = (_b = capture[4]) === null || _b === void 0 ? void 0 : _b.slice(1)) !== null && _c !== void 0 ? _c : null;
            return {
                id: capture[1],
                navigation,
                roleId,
            };
        }
        else {
            return {
                id: capture[1],
                navigation,
            };
        }
    },
};

};
modules["rules/discord/here"] = function (exports, require, module) {
"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.here = void 0;
const simple_markdown_1 = __importDefault(require("../../simple-markdown"));
const regex_1 = require("../../utils/regex");
exports.here = {
    order: simple_markdown_1.default.defaultRules.strong.order,
    match: (source) => regex_1.HereRegex.exec(source),
    parse: function () {
        return {};
    },
};

};
modules["rules/discord/role"] = function (exports, require, module) {
"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.role = void 0;
const simple_markdown_1 = __importDefault(require("../../simple-markdown"));
const regex_1 = require("../../utils/regex");
exports.role = {
    order: simple_markdown_1.default.defaultRules.strong.order,
    match: (source) => regex_1.RoleMentionRegex.exec(source),
    parse: function (capture) {
        return {
            id: capture[1],
        };
    },
};

};
modules["rules/discord/slashCommand"] = function (exports, require, module) {
"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.slashCommand = void 0;
const simple_markdown_1 = __importDefault(require("../../simple-markdown"));
const regex_1 = require("../../utils/regex");
exports.slashCommand = {
    order: simple_markdown_1.default.defaultRules.strong.order,
    match: (source) => regex_1.SlashCommandRegex.exec(source),
    parse: function (capture) {
        // Commands can come in three variants:
        // 1. /command
        // 2. /command subcommand
        // 3. /command subcommand-group subcommand
        const commandParts = capture[1].split(' ');
        const returnValue = {
            fullName: capture[1],
            name: commandParts[0],
            subcommand: null,
            subcommandGroup: null,
            id: capture[2],
        };
        // length of 2 means no subcommand group
        if (commandParts.length == 2) {
            returnValue.subcommand = commandParts[1];
        }
        if (commandParts.length === 3) {
            returnValue.subcommandGroup = commandParts[1];
            returnValue.subcommand = commandParts[2];
        }
        return returnValue;
    },
};

};
modules["rules/discord/time"] = function (exports, require, module) {
"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.timestamp = void 0;
const simple_markdown_1 = __importDefault(require("../../simple-markdown"));
const regex_1 = require("../../utils/regex");
exports.timestamp = {
    order: simple_markdown_1.default.defaultRules.strong.order,
    match: (source) => regex_1.TimestampRegex.exec(source),
    parse: function (capture) {
        return {
            timestamp: capture[1],
            format: capture[2],
        };
    },
};

};
modules["rules/discord/twemoji"] = function (exports, require, module) {
"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.twemoji = void 0;
const simple_markdown_1 = __importDefault(require("../../simple-markdown"));
const twemojiRegex_1 = require("../../utils/twemojiRegex");
exports.twemoji = {
    order: simple_markdown_1.default.defaultRules.strong.order,
    match: (source) => twemojiRegex_1.TwemojiRegex.exec(source),
    parse: function (capture) {
        return {
            name: capture[0],
        };
    },
};

};
modules["rules/discord/user"] = function (exports, require, module) {
"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.user = void 0;
const simple_markdown_1 = __importDefault(require("../../simple-markdown"));
const regex_1 = require("../../utils/regex");
exports.user = {
    order: simple_markdown_1.default.defaultRules.strong.order,
    match: (source) => regex_1.UserMentionRegex.exec(source),
    parse: function (capture) {
        return {
            id: capture[1],
            type: 'user',
        };
    },
};

};
modules["rules/em"] = function (exports, require, module) {
"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.em = void 0;
const extend_1 = require("../utils/extend");
const simple_markdown_1 = __importDefault(require("../simple-markdown"));
exports.em = (0, extend_1.extend)({
    parse: function (capture, parse, state) {
        const parsed = simple_markdown_1.default.defaultRules.em.parse(capture, parse, Object.assign({}, state, { inEmphasis: true }));
        return state.inEmphasis ? parsed.content : parsed;
    },
}, simple_markdown_1.default.defaultRules.em);

};
modules["rules/emoticon"] = function (exports, require, module) {
"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.emoticon = void 0;
const simple_markdown_1 = __importDefault(require("../simple-markdown"));
const regex_1 = require("../utils/regex");
exports.emoticon = {
    order: simple_markdown_1.default.defaultRules.text.order,
    match: (source) => regex_1.EmoticonRegex.exec(source),
    parse: function (capture) {
        return {
            type: 'text',
            content: capture[1],
        };
    },
};

};
modules["rules/heading"] = function (exports, require, module) {
"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.heading = void 0;
const simple_markdown_1 = __importDefault(require("../simple-markdown"));
const extend_1 = require("../utils/extend");
const regex_1 = require("../utils/regex");
exports.heading = (0, extend_1.extend)({
    match: function (source, state) {
        if (state.prevCapture === null || state.prevCapture.slice(-1)[0] === '\n') {
            return regex_1.HeadingRegex.exec(source);
        }
        return null;
    },
}, simple_markdown_1.default.defaultRules.heading);

};
modules["rules/spoiler"] = function (exports, require, module) {
"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.spoiler = void 0;
const regex_1 = require("../utils/regex");
exports.spoiler = {
    order: 0,
    match: (source) => regex_1.SpoilerRegex.exec(source),
    parse: function (capture, parse, state) {
        return {
            content: parse(capture[1], state),
        };
    },
};

};
modules["rules/strike"] = function (exports, require, module) {
"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.strikethrough = void 0;
const simple_markdown_1 = __importDefault(require("../simple-markdown"));
const extend_1 = require("../utils/extend");
const regex_1 = require("../utils/regex");
exports.strikethrough = (0, extend_1.extend)({
    match: simple_markdown_1.default.inlineRegex(regex_1.StrikeThroughRegex),
}, simple_markdown_1.default.defaultRules.del);

};
modules["rules/subtext"] = function (exports, require, module) {
"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.subtext = void 0;
const simple_markdown_1 = __importDefault(require("../simple-markdown"));
const regex_1 = require("../utils/regex");
exports.subtext = {
    order: simple_markdown_1.default.defaultRules.heading.order - 0.5,
    match: function (source, state) {
        if (state.prevCapture === null || state.prevCapture.slice(-1)[0] === '\n') {
            return regex_1.SubtextRegex.exec(source);
        }
        return null;
    },
    parse: function (capture, parse, state) {
        return {
            content: parse(capture[1], state),
        };
    },
};

};
modules["rules/text"] = function (exports, require, module) {
"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.text = void 0;
const simple_markdown_1 = __importDefault(require("../simple-markdown"));
const extend_1 = require("../utils/extend");
const regex_1 = require("../utils/regex");
exports.text = (0, extend_1.extend)({
    match: (source) => regex_1.TextRegex.exec(source),
}, simple_markdown_1.default.defaultRules.text);

};
modules["rules/url"] = function (exports, require, module) {
"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.url = void 0;
const simple_markdown_1 = __importDefault(require("../simple-markdown"));
const extend_1 = require("../utils/extend");
exports.url = (0, extend_1.extend)({
    parse: (capture) => {
        return {
            content: [
                {
                    type: 'text',
                    content: capture[1],
                },
            ],
            target: capture[1],
        };
    },
}, simple_markdown_1.default.defaultRules.url);

};
modules["simple-markdown/index"] = function (exports, require, module) {
"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
// End TypeScript Definitions
var CR_NEWLINE_R = /\r\n?/g;
var TAB_R = /\t/g;
var FORMFEED_R = /\f/g;
/**
 * Turn various whitespace into easy-to-process whitespace
 */
var preprocess = function (source) {
    return source.replace(CR_NEWLINE_R, '\n').replace(FORMFEED_R, '').replace(TAB_R, '    ');
};
var populateInitialState = function (givenState, defaultState) {
    var state = givenState || {};
    if (defaultState != null) {
        for (var prop in defaultState) {
            if (Object.prototype.hasOwnProperty.call(defaultState, prop)) {
                state[prop] = defaultState[prop];
            }
        }
    }
    return state;
};
/**
 * Creates a parser for a given set of rules, with the precedence
 * specified as a list of rules.
 *
 * @param {SimpleMarkdown.ParserRules} rules
 *     an object containing
 *     rule type -> {match, order, parse} objects
 *     (lower order is higher precedence)
 * @param {SimpleMarkdown.OptionalState} [defaultState]
 *
 * @returns {SimpleMarkdown.Parser}
 *     The resulting parse function, with the following parameters:
 *     @source: the input source string to be parsed
 *     @state: an optional object to be threaded through parse
 *         calls. Allows clients to add stateful operations to
 *         parsing, such as keeping track of how many levels deep
 *         some nesting is. For an example use-case, see passage-ref
 *         parsing in src/widgets/passage/passage-markdown.jsx
 */
var parserFor = function (rules, defaultState) {
    // Sorts rules in order of increasing order, then
    // ascending rule name in case of ties.
    var ruleList = Object.keys(rules).filter(function (type) {
        var rule = rules[type];
        if (rule == null || rule.match == null) {
            return false;
        }
        var order = rule.order;
        if ((typeof order !== 'number' || !isFinite(order)) && typeof console !== 'undefined') {
            console.warn('simple-markdown: Invalid order for rule `' + type + '`: ' + String(order));
        }
        return true;
    });
    ruleList.sort(function (typeA, typeB) {
        var ruleA = rules[typeA];
        var ruleB = rules[typeB];
        var orderA = ruleA.order;
        var orderB = ruleB.order;
        // First sort based on increasing order
        if (orderA !== orderB) {
            return orderA - orderB;
        }
        var secondaryOrderA = ruleA.quality ? 0 : 1;
        var secondaryOrderB = ruleB.quality ? 0 : 1;
        if (secondaryOrderA !== secondaryOrderB) {
            return secondaryOrderA - secondaryOrderB;
            // Then based on increasing unicode lexicographic ordering
        }
        else if (typeA < typeB) {
            return -1;
        }
        else if (typeA > typeB) {
            return 1;
        }
        else {
            // Rules should never have the same name,
            // but this is provided for completeness.
            return 0;
        }
    });
    var latestState;
    var nestedParse = function (source, state) {
        var result = [];
        state = state || latestState;
        latestState = state;
        while (source) {
            // store the best match, it's rule, and quality:
            var ruleType = null;
            var rule = null;
            var capture = null;
            var quality = NaN;
            // loop control variables:
            var i = 0;
            var currRuleType = ruleList[0];
            var currRule = rules[currRuleType];
            do {
                var currOrder = currRule.order;
                var prevCaptureStr = state.prevCapture == null ? '' : state.prevCapture[0];
                var currCapture = currRule.match(source, state, prevCaptureStr);
                if (currCapture) {
                    var currQuality = currRule.quality ? currRule.quality(currCapture, state, prevCaptureStr) : 0;
                    // This should always be true the first time because
                    // the initial quality is NaN (that's why there's the
                    // condition negation).
                    if (!(currQuality <= quality)) {
                        ruleType = currRuleType;
                        rule = currRule;
                        capture = currCapture;
                        quality = currQuality;
                    }
                }
                // Move on to the next item.
                // Note that this makes `currRule` be the next item
                i++;
                currRuleType = ruleList[i];
                currRule = rules[currRuleType];
            } while (
            // keep looping while we're still within the ruleList
            // eslint-disable-next-line @typescript-eslint/strict-boolean-expressions
            currRule &&
                // if we don't have a match yet, continue
                // eslint-disable-next-line @typescript-eslint/strict-boolean-expressions
                (!capture ||
                    // or if we have a match, but the next rule is
                    // at the same order, and has a quality measurement
                    // functions, then this rule must have a quality
                    // measurement function (since they are sorted before
                    // those without), and we need to check if there is
                    // a better quality match
                    (currRule.order === currOrder && currRule.quality)));
            // TODO(aria): Write tests for these
            if (rule == null || capture == null) {
                throw new Error('Could not find a matching rule for the below ' +
                    'content. The rule with highest `order` should ' +
                    'always match content provided to it. Check ' +
                    "the definition of `match` for '" +
                    ruleList[ruleList.length - 1] +
                    "'. It seems to not match the following source:\n" +
                    source);
            }
            if (capture.index) {
                // If present and non-zero, i.e. a non-^ regexp result:
                throw new Error('`match` must return a capture starting at index 0 ' +
                    '(the current parse index). Did you forget a ^ at the ' +
                    'start of the RegExp?');
            }
            var parsed = rule.parse(capture, nestedParse, state);
            // We maintain the same object here so that rules can
            // store references to the objects they return and
            // modify them later. (oops sorry! but this adds a lot
            // of power--see reflinks.)
            if (Array.isArray(parsed)) {
                Array.prototype.push.apply(result, parsed);
            }
            else {
                if (parsed == null || typeof parsed !== 'object') {
                    throw new Error(`parse() function returned invalid parse result: '${parsed}'`);
                }
                // We also let rules override the default type of
                // their parsed node if they would like to, so that
                // there can be a single output function for all links,
                // even if there are several rules to parse them.
                if (parsed.type == null) {
                    parsed.type = ruleType;
                }
                result.push(parsed);
            }
            state.prevCapture = capture;
            source = source.substring(state.prevCapture[0].length);
        }
        return result;
    };
    var outerParse = function (source, state) {
        latestState = populateInitialState(state, defaultState);
        if (!latestState.inline && !latestState.disableAutoBlockNewlines) {
            source = source + '\n\n';
        }
        // We store the previous capture so that match functions can
        // use some limited amount of lookbehind. Lists use this to
        // ensure they don't match arbitrary '- ' or '* ' in inline
        // text (see the list rule for more information). This stores
        // the full regex capture object, if there is one.
        latestState.prevCapture = null;
        return nestedParse(preprocess(source), latestState);
    };
    return outerParse;
};
// Creates a match function for an inline scoped element from a regex
var inlineRegex = function (regex) {
    var match = function (source, state, prevCapture) {
        if (state.inline) {
            return regex.exec(source);
        }
        else {
            return null;
        }
    };
    // @ts-expect-error - TS2339 - Property 'regex' does not exist on type '(source: string, state: State, prevCapture: string) => Capture | null | undefined'.
    match.regex = regex;
    return match;
};
// Creates a match function for a block scoped element from a regex
var blockRegex = function (regex) {
    var match = function (source, state) {
        if (state.inline) {
            return null;
        }
        else {
            return regex.exec(source);
        }
    };
    match.regex = regex;
    return match;
};
// Creates a match function from a regex, ignoring block/inline scope
var anyScopeRegex = function (regex) {
    var match = function (source, state) {
        return regex.exec(source);
    };
    match.regex = regex;
    return match;
};
var TYPE_SYMBOL = (typeof Symbol === 'function' &&
    // eslint-disable-next-line @typescript-eslint/strict-boolean-expressions
    Symbol.for &&
    // eslint-disable-next-line @typescript-eslint/strict-boolean-expressions
    Symbol.for('react.element')) ||
    0xeac7;
/** Returns a closed HTML tag.
 * @param {string} tagName - Name of HTML tag (eg. "em" or "a")
 * @param {string} content - Inner content of tag
 * @param {{ [attr: string]: SimpleMarkdown.Attr }} [attributes] - Optional extra attributes of tag as an object of key-value pairs
 *   eg. { "href": "http://google.com" }. Falsey attributes are filtered out.
 * @param {boolean} [isClosed] - boolean that controls whether tag is closed or not (eg. img tags).
 *   defaults to true
 */
var htmlTag = function (tagName, content, attributes, isClosed) {
    attributes = attributes || {};
    isClosed = typeof isClosed !== 'undefined' ? isClosed : true;
    var attributeString = '';
    for (var attr in attributes) {
        var attribute = attributes[attr];
        // Removes falsey attributes
        if (Object.prototype.hasOwnProperty.call(attributes, attr) &&
            // eslint-disable-next-line @typescript-eslint/strict-boolean-expressions
            attribute) {
            attributeString += ' ' + sanitizeText(attr) + '="' + sanitizeText(attribute) + '"';
        }
    }
    var unclosedTag = '<' + tagName + attributeString + '>';
    if (isClosed) {
        return unclosedTag + content + '</' + tagName + '>';
    }
    else {
        return unclosedTag;
    }
};
var EMPTY_PROPS = {};
/**
 * @param {string | null | undefined} url - url to sanitize
 * @returns {string | null} - url if safe, or null if a safe url could not be made
 */
var sanitizeUrl = function (url) {
    if (url == null) {
        return null;
    }
    try {
        var prot = new URL(url, 'https://localhost').protocol;
        if (prot.indexOf('javascript:') === 0 || prot.indexOf('vbscript:') === 0 || prot.indexOf('data:') === 0) {
            return null;
        }
    }
    catch (_a) {
        // invalid URLs should throw a TypeError
        // see for instance: `new URL("");`
        return null;
    }
    return url;
};
var SANITIZE_TEXT_R = /[<>&"']/g;
var SANITIZE_TEXT_CODES = {
    '<': '&lt;',
    '>': '&gt;',
    '&': '&amp;',
    '"': '&quot;',
    "'": '&#x27;',
    '/': '&#x2F;',
    '`': '&#96;',
};
var sanitizeText = function (text) {
    return String(text).replace(SANITIZE_TEXT_R, function (chr) {
        return SANITIZE_TEXT_CODES[chr];
    });
};
var UNESCAPE_URL_R = /\\([^0-9A-Za-z\s])/g;
var unescapeUrl = function (rawUrlString) {
    return rawUrlString.replace(UNESCAPE_URL_R, '$1');
};
/**
 * Parse some content with the parser `parse`, with state.inline
 * set to true. Useful for block elements; not generally necessary
 * to be used by inline elements (where state.inline is already true.
 */
var parseInline = function (parse, content, state) {
    var isCurrentlyInline = state.inline || false;
    state.inline = true;
    var result = parse(content, state);
    state.inline = isCurrentlyInline;
    return result;
};
var parseBlock = function (parse, content, state) {
    var isCurrentlyInline = state.inline || false;
    state.inline = false;
    var result = parse(content + '\n\n', state);
    state.inline = isCurrentlyInline;
    return result;
};
var parseCaptureInline = function (capture, parse, state) {
    return {
        content: parseInline(parse, capture[1], state),
    };
};
var ignoreCapture = function () {
    return {};
};
// recognize a `*` `-`, `+`, `1.`, `2.`... list bullet
var LIST_BULLET = '(?:[*+-]|\\d+\\.)';
// recognize the start of a list item:
// leading space plus a bullet plus a space (`   * `)
var LIST_ITEM_PREFIX = '( *)(' + LIST_BULLET + ') +';
var LIST_ITEM_PREFIX_R = new RegExp('^' + LIST_ITEM_PREFIX);
// recognize an individual list item:
//  * hi
//    this is part of the same item
//
//    as is this, which is a new paragraph in the same item
//
//  * but this is not part of the same item
var LIST_ITEM_R = new RegExp(LIST_ITEM_PREFIX + '[^\\n]*(?:\\n' + '(?!\\1' + LIST_BULLET + ' )[^\\n]*)*(\n|$)', 'gm');
var BLOCK_END_R = /\n{2,}$/;
var INLINE_CODE_ESCAPE_BACKTICKS_R = /^ (?= *`)|(` *) $/g;
// recognize the end of a paragraph block inside a list item:
// two or more newlines at end end of the item
var LIST_BLOCK_END_R = BLOCK_END_R;
var LIST_ITEM_END_R = / *\n+$/;
// check whether a list item has paragraphs: if it does,
// we leave the newlines at the end
var LIST_R = new RegExp('^( *)(' +
    LIST_BULLET +
    ') ' +
    '[\\s\\S]+?(?:\n{2,}(?! )' +
    '(?!\\1' +
    LIST_BULLET +
    ' )\\n*' +
    // the \\s*$ here is so that we can parse the inside of nested
    // lists, where our content might end before we receive two `\n`s
    '|\\s*\n*$)');
var LIST_LOOKBEHIND_R = /(?:^|\n)( *)$/;
var TABLES = (function () {
    // predefine regexes so we don't have to create them inside functions
    // sure, regex literals should be fast, even inside functions, but they
    // aren't in all browsers.
    var TABLE_ROW_SEPARATOR_TRIM = /^ *\| *| *\| *$/g;
    var TABLE_CELL_END_TRIM = / *$/;
    var TABLE_RIGHT_ALIGN = /^ *-+: *$/;
    var TABLE_CENTER_ALIGN = /^ *:-+: *$/;
    var TABLE_LEFT_ALIGN = /^ *:-+ *$/;
    var parseTableAlignCapture = function (alignCapture) {
        if (TABLE_RIGHT_ALIGN.test(alignCapture)) {
            return 'right';
        }
        else if (TABLE_CENTER_ALIGN.test(alignCapture)) {
            return 'center';
        }
        else if (TABLE_LEFT_ALIGN.test(alignCapture)) {
            return 'left';
        }
        else {
            return null;
        }
    };
    var parseTableAlign = function (source, parse, state, trimEndSeparators) {
        if (trimEndSeparators) {
            source = source.replace(TABLE_ROW_SEPARATOR_TRIM, '');
        }
        var alignText = source.trim().split('|');
        return alignText.map(parseTableAlignCapture);
    };
    var parseTableRow = function (source, parse, state, trimEndSeparators) {
        var prevInTable = state.inTable;
        state.inTable = true;
        var tableRow = parse(source.trim(), state);
        state.inTable = prevInTable;
        var cells = [[]];
        tableRow.forEach(function (node, i) {
            if (node.type === 'tableSeparator') {
                // Filter out empty table separators at the start/end:
                if (!trimEndSeparators || (i !== 0 && i !== tableRow.length - 1)) {
                    // Split the current row:
                    cells.push([]);
                }
            }
            else {
                if (node.type === 'text' && (tableRow[i + 1] == null || tableRow[i + 1].type === 'tableSeparator')) {
                    node.content = node.content.replace(TABLE_CELL_END_TRIM, '');
                }
                // @ts-expect-error - TS2345 - Argument of type 'SingleASTNode' is not assignable to parameter of type 'never'.
                cells[cells.length - 1].push(node);
            }
        });
        return cells;
    };
    /**
     * @param {string} source
     * @param {SimpleMarkdown.Parser} parse
     * @param {SimpleMarkdown.State} state
     * @param {boolean} trimEndSeparators
     * @returns {SimpleMarkdown.ASTNode[][]}
     */
    var parseTableCells = function (source, parse, state, trimEndSeparators) {
        var rowsText = source.trim().split('\n');
        return rowsText.map(function (rowText) {
            return parseTableRow(rowText, parse, state, trimEndSeparators);
        });
    };
    /**
     * @param {boolean} trimEndSeparators
     * @returns {SimpleMarkdown.SingleNodeParseFunction}
     */
    var parseTable = function (trimEndSeparators) {
        return function (capture, parse, state) {
            state.inline = true;
            var header = parseTableRow(capture[1], parse, state, trimEndSeparators);
            var align = parseTableAlign(capture[2], parse, state, trimEndSeparators);
            var cells = parseTableCells(capture[3], parse, state, trimEndSeparators);
            state.inline = false;
            return {
                type: 'table',
                header: header,
                align: align,
                cells: cells,
            };
        };
    };
    return {
        parseTable: parseTable(true),
        parseNpTable: parseTable(false),
        TABLE_REGEX: /^ *(\|.+)\n *\|( *[-:]+[-| :]*)\n((?: *\|.*(?:\n|$))*)\n*/,
        NPTABLE_REGEX: /^ *(\S.*\|.*)\n *([-:]+ *\|[-| :]*)\n((?:.*\|.*(?:\n|$))*)\n*/,
    };
})();
var LINK_INSIDE = '(?:\\[[^\\]]*\\]|[^\\[\\]]|\\](?=[^\\[]*\\]))*';
var LINK_HREF_AND_TITLE = '\\s*<?((?:\\([^)]*\\)|[^\\s\\\\]|\\\\.)*?)>?(?:\\s+[\'"]([\\s\\S]*?)[\'"])?\\s*';
var AUTOLINK_MAILTO_CHECK_R = /mailto:/i;
var parseRef = function (capture, state, refNode) {
    var ref = (capture[2] || capture[1]).replace(/\s+/g, ' ').toLowerCase();
    // We store information about previously seen defs on
    // state._defs (_ to deconflict with client-defined
    // state). If the def for this reflink/refimage has
    // already been seen, we can use its target/source
    // and title here:
    if (state._defs && state._defs[ref]) {
        var def = state._defs[ref];
        // `refNode` can be a link or an image. Both use
        // target and title properties.
        refNode.target = def.target;
        refNode.title = def.title;
    }
    // In case we haven't seen our def yet (or if someone
    // overwrites that def later on), we add this node
    // to the list of ref nodes for that def. Then, when
    // we find the def, we can modify this link/image AST
    // node :).
    // I'm sorry.
    state._refs = state._refs || {};
    state._refs[ref] = state._refs[ref] || [];
    state._refs[ref].push(refNode);
    return refNode;
};
var currOrder = 0;
var defaultRules = {
    Array: {
        html: function (arr, output, state) {
            var result = '';
            // map output over the ast, except group any text
            // nodes together into a single string output.
            for (var i = 0; i < arr.length; i++) {
                var node = arr[i];
                if (node.type === 'text') {
                    node = { type: 'text', content: node.content };
                    for (; i + 1 < arr.length && arr[i + 1].type === 'text'; i++) {
                        node.content += arr[i + 1].content;
                    }
                }
                result += output(node, state);
            }
            return result;
        },
    },
    heading: {
        order: currOrder++,
        match: blockRegex(/^ *(#{1,6})([^\n]+?)#* *(?:\n *)+\n/),
        parse: function (capture, parse, state) {
            return {
                level: capture[1].length,
                content: parseInline(parse, capture[2].trim(), state),
            };
        },
        html: function (node, output, state) {
            return htmlTag('h' + node.level, output(node.content, state));
        },
    },
    nptable: {
        order: currOrder++,
        match: blockRegex(TABLES.NPTABLE_REGEX),
        parse: TABLES.parseNpTable,
        html: null,
    },
    lheading: {
        order: currOrder++,
        match: blockRegex(/^([^\n]+)\n *(=|-){3,} *(?:\n *)+\n/),
        parse: function (capture, parse, state) {
            return {
                type: 'heading',
                level: capture[2] === '=' ? 1 : 2,
                content: parseInline(parse, capture[1], state),
            };
        },
        html: null,
    },
    hr: {
        order: currOrder++,
        match: blockRegex(/^( *[-*_]){3,} *(?:\n *)+\n/),
        parse: ignoreCapture,
        html: function (node, output, state) {
            return '<hr aria-hidden="true">';
        },
    },
    codeBlock: {
        order: currOrder++,
        match: blockRegex(/^(?:    [^\n]+\n*)+(?:\n *)+\n/),
        parse: function (capture, parse, state) {
            var content = capture[0].replace(/^    /gm, '').replace(/\n+$/, '');
            return {
                lang: undefined,
                content: content,
            };
        },
        html: function (node, output, state) {
            var className = node.lang ? 'markdown-code-' + node.lang : undefined;
            var codeBlock = htmlTag('code', sanitizeText(node.content), {
                class: className,
            });
            return htmlTag('pre', codeBlock);
        },
    },
    fence: {
        order: currOrder++,
        match: blockRegex(/^ *(`{3,}|~{3,}) *(?:(\S+) *)?\n([\s\S]+?)\n?\1 *(?:\n *)+\n/),
        parse: function (capture, parse, state) {
            return {
                type: 'codeBlock',
                lang: capture[2] || undefined,
                content: capture[3],
            };
        },
        html: null,
    },
    blockQuote: {
        order: currOrder++,
        match: blockRegex(/^( *>[^\n]+(\n[^\n]+)*\n*)+\n{2,}/),
        parse: function (capture, parse, state) {
            var content = capture[0].replace(/^ *> ?/gm, '');
            return {
                content: parse(content, state),
            };
        },
        html: function (node, output, state) {
            return htmlTag('blockquote', output(node.content, state));
        },
    },
    list: {
        order: currOrder++,
        match: function (source, state) {
            // We only want to break into a list if we are at the start of a
            // line. This is to avoid parsing "hi * there" with "* there"
            // becoming a part of a list.
            // You might wonder, "but that's inline, so of course it wouldn't
            // start a list?". You would be correct! Except that some of our
            // lists can be inline, because they might be inside another list,
            // in which case we can parse with inline scope, but need to allow
            // nested lists inside this inline scope.
            var prevCaptureStr = state.prevCapture == null ? '' : state.prevCapture[0];
            var isStartOfLineCapture = LIST_LOOKBEHIND_R.exec(prevCaptureStr);
            var isListBlock = state._list || !state.inline;
            if (isStartOfLineCapture && isListBlock) {
                source = isStartOfLineCapture[1] + source;
                return LIST_R.exec(source);
            }
            else {
                return null;
            }
        },
        parse: function (capture, parse, state) {
            var bullet = capture[2];
            var ordered = bullet.length > 1;
            var start = ordered ? +bullet : undefined;
            // @ts-expect-error - TS2322 - Type 'RegExpMatchArray | null' is not assignable to type 'string[]'.
            var items = capture[0].replace(LIST_BLOCK_END_R, '\n').match(LIST_ITEM_R);
            // We know this will match here, because of how the regexes are
            // defined
            var lastItemWasAParagraph = false;
            var itemContent = items.map(function (item, i) {
                // We need to see how far indented this item is:
                var prefixCapture = LIST_ITEM_PREFIX_R.exec(item);
                var space = prefixCapture ? prefixCapture[0].length : 0;
                // And then we construct a regex to "unindent" the subsequent
                // lines of the items by that amount:
                var spaceRegex = new RegExp('^ {1,' + space + '}', 'gm');
                // Before processing the item, we need a couple things
                var content = item
                    // remove indents on trailing lines:
                    .replace(spaceRegex, '')
                    // remove the bullet:
                    .replace(LIST_ITEM_PREFIX_R, '');
                // I'm not sur4 why this is necessary again?
                // Handling "loose" lists, like:
                //
                //  * this is wrapped in a paragraph
                //
                //  * as is this
                //
                //  * as is this
                var isLastItem = i === items.length - 1;
                var containsBlocks = content.indexOf('\n\n') !== -1;
                // Any element in a list is a block if it contains multiple
                // newlines. The last element in the list can also be a block
                // if the previous item in the list was a block (this is
                // because non-last items in the list can end with \n\n, but
                // the last item can't, so we just "inherit" this property
                // from our previous element).
                var thisItemIsAParagraph = containsBlocks || (isLastItem && lastItemWasAParagraph);
                lastItemWasAParagraph = thisItemIsAParagraph;
                // backup our state for restoration afterwards. We're going to
                // want to set state._list to true, and state.inline depending
                // on our list's looseness.
                var oldStateInline = state.inline;
                var oldStateList = state._list;
                state._list = true;
                // Parse inline if we're in a tight list, or block if we're in
                // a loose list.
                var adjustedContent;
                if (thisItemIsAParagraph) {
                    state.inline = false;
                    adjustedContent = content.replace(LIST_ITEM_END_R, '\n\n');
                }
                else {
                    state.inline = true;
                    adjustedContent = content.replace(LIST_ITEM_END_R, '');
                }
                var result = parse(adjustedContent, state);
                // Restore our state before returning
                state.inline = oldStateInline;
                state._list = oldStateList;
                return result;
            });
            return {
                ordered: ordered,
                start: start,
                items: itemContent,
            };
        },
        html: function (node, output, state) {
            var listItems = node.items
                .map(function (item) {
                return htmlTag('li', output(item, state));
            })
                .join('');
            var listTag = node.ordered ? 'ol' : 'ul';
            var attributes = {
                start: node.start,
            };
            return htmlTag(listTag, listItems, attributes);
        },
    },
    def: {
        order: currOrder++,
        // TODO(aria): This will match without a blank line before the next
        // block element, which is inconsistent with most of the rest of
        // simple-markdown.
        match: blockRegex(/^ *\[([^\]]+)\]: *<?([^\s>]*)>?(?: +["(]([^\n]+)[")])? *\n(?: *\n)*/),
        parse: function (capture, parse, state) {
            var def = capture[1].replace(/\s+/g, ' ').toLowerCase();
            var target = capture[2];
            var title = capture[3];
            // Look for previous links/images using this def
            // If any links/images using this def have already been declared,
            // they will have added themselves to the state._refs[def] list
            // (_ to deconflict with client-defined state). We look through
            // that list of reflinks for this def, and modify those AST nodes
            // with our newly found information now.
            // Sorry :(.
            if (state._refs && state._refs[def]) {
                // `refNode` can be a link or an image
                state._refs[def].forEach(function (refNode) {
                    refNode.target = target;
                    refNode.title = title;
                });
            }
            // Add this def to our map of defs for any future links/images
            // In case we haven't found any or all of the refs referring to
            // this def yet, we add our def to the table of known defs, so
            // that future reflinks can modify themselves appropriately with
            // this information.
            state._defs = state._defs || {};
            state._defs[def] = {
                target: target,
                title: title,
            };
            // return the relevant parsed information
            // for debugging only.
            return {
                def: def,
                target: target,
                title: title,
            };
        },
        html: function () {
            return '';
        },
    },
    table: {
        order: currOrder++,
        match: blockRegex(TABLES.TABLE_REGEX),
        parse: TABLES.parseTable,
        html: function (node, output, state) {
            var getStyle = function (colIndex) {
                return node.align[colIndex] == null ? '' : 'text-align:' + node.align[colIndex] + ';';
            };
            var headers = node.header
                .map(function (content, i) {
                return htmlTag('th', output(content, state), {
                    style: getStyle(i),
                    scope: 'col',
                });
            })
                .join('');
            var rows = node.cells
                .map(function (row) {
                var cols = row
                    .map(function (content, c) {
                    return htmlTag('td', output(content, state), {
                        style: getStyle(c),
                    });
                })
                    .join('');
                return htmlTag('tr', cols);
            })
                .join('');
            var thead = htmlTag('thead', htmlTag('tr', headers));
            var tbody = htmlTag('tbody', rows);
            return htmlTag('table', thead + tbody);
        },
    },
    newline: {
        order: currOrder++,
        match: blockRegex(/^(?:\n *)*\n/),
        parse: ignoreCapture,
        html: function (node, output, state) {
            return '\n';
        },
    },
    paragraph: {
        order: currOrder++,
        match: blockRegex(/^((?:[^\n]|\n(?! *\n))+)(?:\n *)+\n/),
        parse: parseCaptureInline,
        html: function (node, output, state) {
            var attributes = {
                class: 'paragraph',
            };
            return htmlTag('div', output(node.content, state), attributes);
        },
    },
    escape: {
        order: currOrder++,
        // We don't allow escaping numbers, letters, or spaces here so that
        // backslashes used in plain text still get rendered. But allowing
        // escaping anything else provides a very flexible escape mechanism,
        // regardless of how this grammar is extended.
        match: inlineRegex(/^\\([^0-9A-Za-z\s])/),
        parse: function (capture, parse, state) {
            return {
                type: 'text',
                content: capture[1],
            };
        },
        html: null,
    },
    tableSeparator: {
        order: currOrder++,
        match: function (source, state) {
            if (!state.inTable) {
                return null;
            }
            return /^ *\| */.exec(source);
        },
        parse: function () {
            return { type: 'tableSeparator' };
        },
        html: function () {
            return ' &vert; ';
        },
    },
    autolink: {
        order: currOrder++,
        match: inlineRegex(/^<([^: >]+:\/[^ >]+)>/),
        parse: function (capture, parse, state) {
            return {
                type: 'link',
                content: [
                    {
                        type: 'text',
                        content: capture[1],
                    },
                ],
                target: capture[1],
            };
        },
        html: null,
    },
    mailto: {
        order: currOrder++,
        match: inlineRegex(/^<([^ >]+@[^ >]+)>/),
        parse: function (capture, parse, state) {
            var address = capture[1];
            var target = capture[1];
            // Check for a `mailto:` already existing in the link:
            if (!AUTOLINK_MAILTO_CHECK_R.test(target)) {
                target = 'mailto:' + target;
            }
            return {
                type: 'link',
                content: [
                    {
                        type: 'text',
                        content: address,
                    },
                ],
                target: target,
            };
        },
        html: null,
    },
    url: {
        order: currOrder++,
        match: inlineRegex(/^(https?:\/\/[^\s<]+[^<.,:;"')\]\s])/),
        parse: function (capture, parse, state) {
            return {
                type: 'link',
                content: [
                    {
                        type: 'text',
                        content: capture[1],
                    },
                ],
                target: capture[1],
                title: undefined,
            };
        },
        html: null,
    },
    link: {
        order: currOrder++,
        match: inlineRegex(new RegExp('^\\[(' + LINK_INSIDE + ')\\]\\(' + LINK_HREF_AND_TITLE + '\\)')),
        parse: function (capture, parse, state) {
            var link = {
                content: parse(capture[1], state),
                target: unescapeUrl(capture[2]),
                title: capture[3],
            };
            return link;
        },
        html: function (node, output, state) {
            var attributes = {
                href: sanitizeUrl(node.target),
                title: node.title,
            };
            return htmlTag('a', output(node.content, state), attributes);
        },
    },
    image: {
        order: currOrder++,
        match: inlineRegex(new RegExp('^!\\[(' + LINK_INSIDE + ')\\]\\(' + LINK_HREF_AND_TITLE + '\\)')),
        parse: function (capture, parse, state) {
            var image = {
                alt: capture[1],
                target: unescapeUrl(capture[2]),
                title: capture[3],
            };
            return image;
        },
        html: function (node, output, state) {
            var attributes = {
                src: sanitizeUrl(node.target),
                alt: node.alt,
                title: node.title,
            };
            return htmlTag('img', '', attributes, false);
        },
    },
    reflink: {
        order: currOrder++,
        match: inlineRegex(new RegExp(
        // The first [part] of the link
        '^\\[(' +
            LINK_INSIDE +
            ')\\]' +
            // The [ref] target of the link
            '\\s*\\[([^\\]]*)\\]')),
        parse: function (capture, parse, state) {
            return parseRef(capture, state, {
                type: 'link',
                content: parse(capture[1], state),
            });
        },
        html: null,
    },
    refimage: {
        order: currOrder++,
        match: inlineRegex(new RegExp(
        // The first [part] of the link
        '^!\\[(' +
            LINK_INSIDE +
            ')\\]' +
            // The [ref] target of the link
            '\\s*\\[([^\\]]*)\\]')),
        parse: function (capture, parse, state) {
            return parseRef(capture, state, {
                type: 'image',
                alt: capture[1],
            });
        },
        html: null,
    },
    em: {
        order: currOrder /* same as strong/u */,
        match: inlineRegex(new RegExp(
        // only match _s surrounding words.
        '^\\b_' +
            '((?:__|\\\\[\\s\\S]|[^\\\\_])+?)_' +
            '\\b' +
            // Or match *s:
            '|' +
            // Only match *s that are followed by a non-space:
            '^\\*(?=\\S)(' +
            // Match at least one of:
            '(?:' +
            //  - `**`: so that bolds inside italics don't close the
            //          italics
            '\\*\\*|' +
            //  - escape sequence: so escaped *s don't close us
            '\\\\[\\s\\S]|' +
            //  - whitespace: followed by a non-* (we don't
            //          want ' *' to close an italics--it might
            //          start a list)
            '\\s+(?:\\\\[\\s\\S]|[^\\s\\*\\\\]|\\*\\*)|' +
            //  - non-whitespace, non-*, non-backslash characters
            '[^\\s\\*\\\\]' +
            ')+?' +
            // followed by a non-space, non-* then *
            ')\\*(?!\\*)')),
        quality: function (capture) {
            // precedence by length, `em` wins ties:
            return capture[0].length + 0.2;
        },
        parse: function (capture, parse, state) {
            return {
                content: parse(capture[2] || capture[1], state),
            };
        },
        html: function (node, output, state) {
            return htmlTag('em', output(node.content, state));
        },
    },
    strong: {
        order: currOrder /* same as em */,
        match: inlineRegex(/^\*\*((?:\\[\s\S]|[^\\])+?)\*\*(?!\*)/),
        quality: function (capture) {
            // precedence by length, wins ties vs `u`:
            return capture[0].length + 0.1;
        },
        parse: parseCaptureInline,
        html: function (node, output, state) {
            return htmlTag('strong', output(node.content, state));
        },
    },
    u: {
        order: currOrder++ /* same as em&strong; increment for next rule */,
        match: inlineRegex(/^__((?:\\[\s\S]|[^\\])+?)__(?!_)/),
        quality: function (capture) {
            // precedence by length, loses all ties
            return capture[0].length;
        },
        parse: parseCaptureInline,
        html: function (node, output, state) {
            return htmlTag('u', output(node.content, state));
        },
    },
    del: {
        order: currOrder++,
        match: inlineRegex(/^~~(?=\S)((?:\\[\s\S]|~(?!~)|[^\s~\\]|\s(?!~~))+?)~~/),
        parse: parseCaptureInline,
        html: function (node, output, state) {
            return htmlTag('del', output(node.content, state));
        },
    },
    inlineCode: {
        order: currOrder++,
        match: inlineRegex(/^(`+)([\s\S]*?[^`])\1(?!`)/),
        parse: function (capture, parse, state) {
            return {
                content: capture[2].replace(INLINE_CODE_ESCAPE_BACKTICKS_R, '$1'),
            };
        },
        html: function (node, output, state) {
            return htmlTag('code', sanitizeText(node.content));
        },
    },
    br: {
        order: currOrder++,
        match: anyScopeRegex(/^ {2,}\n/),
        parse: ignoreCapture,
        html: function (node, output, state) {
            return '<br>';
        },
    },
    text: {
        order: currOrder++,
        // Here we look for anything followed by non-symbols,
        // double newlines, or double-space-newlines
        // We break on any symbol characters so that this grammar
        // is easy to extend without needing to modify this regex
        match: anyScopeRegex(/^[\s\S]+?(?=[^0-9A-Za-z\s\u00c0-\uffff]|\n\n| {2,}\n|\w+:\S|$)/),
        parse: function (capture, parse, state) {
            return {
                content: capture[0],
            };
        },
        html: function (node, output, state) {
            return sanitizeText(node.content);
        },
    },
};
/** (deprecated) */
var ruleOutput = function (rules, property) {
    // eslint-disable-next-line @typescript-eslint/strict-boolean-expressions
    if (!property && typeof console !== 'undefined') {
        console.warn("simple-markdown ruleOutput should take 'react' or " + "'html' as the second argument.");
    }
    var nestedRuleOutput = function (ast, outputFunc, state) {
        // @ts-expect-error - TS2349 - This expression is not callable.
        //   Type 'unknown' has no call signatures.
        return rules[ast.type][property](ast, outputFunc, state);
    };
    return nestedRuleOutput;
};
/** (deprecated)
 */
var htmlFor = function (outputFunc) {
    var nestedOutput = function (ast, state) {
        state = state || {};
        if (Array.isArray(ast)) {
            return ast
                .map(function (node) {
                return nestedOutput(node, state);
            })
                .join('');
        }
        else {
            return outputFunc(ast, nestedOutput, state);
        }
    };
    return nestedOutput;
};
var outputFor = function (rules, property, defaultState = {}) {
    // eslint-disable-next-line @typescript-eslint/strict-boolean-expressions
    if (!property) {
        throw new Error('simple-markdown: outputFor: `property` must be ' +
            'defined. ' +
            'if you just upgraded, you probably need to replace `outputFor` ' +
            'with `reactFor`');
    }
    var latestState;
    var arrayRule = rules.Array || defaultRules.Array;
    // Tricks to convince tsc that this var is not null:
    // @ts-expect-error - TS2538 - Type 'symbol' cannot be used as an index type.
    var arrayRuleCheck = arrayRule[property];
    if (!arrayRuleCheck) {
        throw new Error('simple-markdown: outputFor: to join nodes of type `' +
            // @ts-expect-error - TS2469 - The '+' operator cannot be applied to type 'symbol'.
            property +
            '` you must provide an `Array:` joiner rule with that type, ' +
            'Please see the docs for details on specifying an Array rule.');
    }
    var arrayRuleOutput = arrayRuleCheck;
    var nestedOutput = function (ast, state) {
        state = state || latestState;
        latestState = state;
        if (Array.isArray(ast)) {
            return arrayRuleOutput(ast, nestedOutput, state);
        }
        else {
            // @ts-expect-error - TS2349 - This expression is not callable.
            //   Type 'unknown' has no call signatures.
            return rules[ast.type][property](ast, nestedOutput, state);
        }
    };
    var outerOutput = function (ast, state) {
        latestState = populateInitialState(state, defaultState);
        return nestedOutput(ast, latestState);
    };
    return outerOutput;
};
// @ts-expect-error - TS2345 - Argument of type 'DefaultRules' is not assignable to parameter of type 'ParserRules'.
var defaultRawParse = parserFor(defaultRules);
var defaultBlockParse = function (source, state) {
    state = state || {};
    state.inline = false;
    return defaultRawParse(source, state);
};
var defaultInlineParse = function (source, state) {
    state = state || {};
    state.inline = true;
    return defaultRawParse(source, state);
};
var defaultImplicitParse = function (source, state) {
    var isBlock = BLOCK_END_R.test(source);
    state = state || {};
    state.inline = !isBlock;
    return defaultRawParse(source, state);
};
var defaultHtmlOutput = outputFor(defaultRules, 'html');
var markdownToHtml = function (source, state) {
    return defaultHtmlOutput(defaultBlockParse(source, state), state);
};
var SimpleMarkdown = {
    defaultRules: defaultRules,
    parserFor: parserFor,
    outputFor: outputFor,
    inlineRegex: inlineRegex,
    blockRegex: blockRegex,
    anyScopeRegex: anyScopeRegex,
    parseInline: parseInline,
    parseBlock: parseBlock,
    // default wrappers:
    markdownToHtml: markdownToHtml,
    defaultBlockParse: defaultBlockParse,
    defaultInlineParse: defaultInlineParse,
    defaultImplicitParse: defaultImplicitParse,
    defaultHtmlOutput: defaultHtmlOutput,
    preprocess: preprocess,
    sanitizeText: sanitizeText,
    sanitizeUrl: sanitizeUrl,
    unescapeUrl: unescapeUrl,
    htmlTag: htmlTag,
    // deprecated:
    defaultRawParse: defaultRawParse,
    ruleOutput: ruleOutput,
    htmlFor: htmlFor,
    defaultParse: function (...args) {
        if (typeof console !== 'undefined') {
            console.warn('defaultParse is deprecated, please use `defaultImplicitParse`');
        }
        // @ts-expect-error - Argument of type 'any[]' is not assignable to parameter of type '[node: ASTNode, state?: State | null | undefined]'. Target requires 1 element(s) but source may have fewer.
        return defaultImplicitParse.apply(null, args);
    },
    defaultOutput: function (...args) {
        if (typeof console !== 'undefined') {
            console.warn('defaultOutput is deprecated, please use `defaultReactOutput`');
        }
        // @ts-expect-error - Argument of type 'any[]' is not assignable to parameter of type '[node: ASTNode, state?: State | null | undefined]'. Target requires 1 element(s) but source may have fewer.
        return defaultReactOutput.apply(null, args);
    },
};
exports.default = SimpleMarkdown;

};
modules["simple-markdown/troublesome-types"] = function (exports, require, module) {
"use strict";
Object.defineProperty(exports, "__esModule", { value: true });

};
modules["utils/extend"] = function (exports, require, module) {
"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.extend = void 0;
const extend = (additionalRules, defaultRule) => {
    return Object.assign({}, defaultRule, additionalRules);
};
exports.extend = extend;

};
modules["utils/regex"] = function (exports, require, module) {
"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.GuildNavigationRegex = exports.SlashCommandRegex = exports.SubtextRegex = exports.HeadingRegex = exports.TimestampRegex = exports.TextRegex = exports.StrikeThroughRegex = exports.SpoilerRegex = exports.EmoticonRegex = exports.CodeBlockRegex = exports.BlockQuoteRegex = exports.HereRegex = exports.EveryoneRegex = exports.UserMentionRegex = exports.RoleMentionRegex = exports.EmojiRegex = exports.ChannelMentionRegex = void 0;
/**
 * Matches Discord channel mentions.
 * @example <#123456789012345678>
 *
 * The regex captures a 17-20 digit channel ID inside <#...> brackets.
 */
exports.ChannelMentionRegex = /^<#(\d{17,20})>/;
/**
 * Matches custom emoji mentions.
 * @example <:smile:12345678901234567>
 *
 * The regex captures:
 * - Optional "a" for animated emojis
 * - Emoji name (2-32 characters)
 * - Emoji ID (17-21 digits)
 */
exports.EmojiRegex = /^<(a)?:(\w{2,32}):(\d{17,21})>/;
/**
 * Matches Discord role mentions.
 * @example <@&123456789012345678>
 *
 * The regex captures a 17-20 digit role ID inside <@&...> brackets.
 */
exports.RoleMentionRegex = /^<@&(\d{17,20})>/;
/**
 * Matches Discord user mentions.
 *
 * @example <@123456789012345678> or <@!123456789012345678>
 *
 * The regex captures a 17-20 digit user ID, optionally preceded by "!".
 */
exports.UserMentionRegex = /^<@!?(\d{17,20})>/;
/**
 * Matches the @everyone mention.
 */
exports.EveryoneRegex = /^@everyone/;
/**
 * Matches the @here mention.
 */
exports.HereRegex = /^@here/;
/**
 * Matches block quotes in two formats:
 * 1. Single line: ">>> text"
 * 2. Multi-line: "> text\n> more text"
 *
 * @example >>> This is a block quote
 */
exports.BlockQuoteRegex = /^( *>>> ([\s\S]*))|^( *> [^\n]*(\n *> [^\n]*)*\n?)/;
/**
 * Matches code blocks with optional language specification.
 *
 * @example ```javascript
 * const example = "code";
 * ```
 */
exports.CodeBlockRegex = /^```(([a-z0-9_+\-.#]+?)\n+)?\n*([^]+?)\n*```/i;
/**
 * Matches the ¯\_(ツ)_/¯ emoticon.
 */
exports.EmoticonRegex = /^(¯\\_\(ツ\)_\/¯)/;
/**
 * Matches spoiler text wrapped in double pipes.
 *
 * @example ||This is a spoiler||
 */
exports.SpoilerRegex = /^\|\|([\s\S]+?)\|\|/;
/**
 * Matches strikethrough text wrapped in tildes.
 *
 * @example ~~This text is strikethrough~~
 */
exports.StrikeThroughRegex = /^~~([\s\S]+?)~~(?!_)/;
/**
 * Matches plain text content in messages.
 *
 * This regex is designed to capture text up to certain delimiters
 * like punctuation, newlines, or specific patterns.
 */
exports.TextRegex = /^[\s\S]+?(?=[^0-9A-Za-z\s]|\n\n|\n|\w+:\S|$)/;
/**
 * Matches Discord timestamp mentions.
 *
 * @example <t:123456> or <t:123456:t> for specific formats
 */
exports.TimestampRegex = /^<t:(-?\d+)(?::(R|t|T|d|D|f|F))?>/;
/**
 * Matches markdown headings (H1-H3 level).
 *
 * @example # Heading
 * @example ## Subheading
 * @example ### Subsubheading
 */
exports.HeadingRegex = /^(#{1,3}) +([^\n]+?)(\n|$)/;
/**
 * Matches subtext in markdown headings.
 *
 * @example -# Subtext
 */
exports.SubtextRegex = /^-# +([^\n]+?)(\n|$)/;
/**
 * Matches for slash command mentions.
 *
 * @example </command:123456789012345678>
 *
 * Slash command names can be up to 32 characters long,
 * and the regex for the name was taken from the discord api documentation
 * Commands can also be nested up to 3 times (</command group subcommand:id>)
 */
exports.SlashCommandRegex = /^<\/([-_'\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}(?: [-_'\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}){0,2})?:(\d{17,21})>/u;
/**
 * Matches for guild navigation mentions.
 * The `linked-roles` type adds in another opptional :ROLE-ID field.
 *
 * @example <12345679012345678:customize>
 *
 * @see {@link https://discord.com/developers/docs/reference#message-formatting-guild-navigation-types} for available types
 */
exports.GuildNavigationRegex = /^<(\d{17,20}):(?:(customize|browse|guide)|(linked-roles)(:\d{17,20})?)>/;

};
modules["utils/twemojiRegex"] = function (exports, require, module) {
"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.TwemojiRegex = void 0;
/**
 * Regex that can capture a Twemoji (Twitter Emoji)
 * @raw {@linkplain https://github.com/jdecked/twemoji-parser/blob/main/src/lib/regex.js See official source code}
 */
exports.TwemojiRegex = /^((?:\ud83d\udc68\ud83c\udffb\u200d\u2764\ufe0f\u200d\ud83d\udc8b\u200d\ud83d\udc68\ud83c[\udffb-\udfff]|\ud83d\udc68\ud83c\udffc\u200d\u2764\ufe0f\u200d\ud83d\udc8b\u200d\ud83d\udc68\ud83c[\udffb-\udfff]|\ud83d\udc68\ud83c\udffd\u200d\u2764\ufe0f\u200d\ud83d\udc8b\u200d\ud83d\udc68\ud83c[\udffb-\udfff]|\ud83d\udc68\ud83c\udffe\u200d\u2764\ufe0f\u200d\ud83d\udc8b\u200d\ud83d\udc68\ud83c[\udffb-\udfff]|\ud83d\udc68\ud83c\udfff\u200d\u2764\ufe0f\u200d\ud83d\udc8b\u200d\ud83d\udc68\ud83c[\udffb-\udfff]|\ud83d\udc69\ud83c\udffb\u200d\u2764\ufe0f\u200d\ud83d\udc8b\u200d\ud83d\udc68\ud83c[\udffb-\udfff]|\ud83d\udc69\ud83c\udffb\u200d\u2764\ufe0f\u200d\ud83d\udc8b\u200d\ud83d\udc69\ud83c[\udffb-\udfff]|\ud83d\udc69\ud83c\udffc\u200d\u2764\ufe0f\u200d\ud83d\udc8b\u200d\ud83d\udc68\ud83c[\udffb-\udfff]|\ud83d\udc69\ud83c\udffc\u200d\u2764\ufe0f\u200d\ud83d\udc8b\u200d\ud83d\udc69\ud83c[\udffb-\udfff]|\ud83d\udc69\ud83c\udffd\u200d\u2764\ufe0f\u200d\ud83d\udc8b\u200d\ud83d\udc68\ud83c[\udffb-\udfff]|\ud83d\udc69\ud83c\udffd\u200d\u2764\ufe0f\u200d\ud83d\udc8b\u200d\ud83d\udc69\ud83c[\udffb-\udfff]|\ud83d\udc69\ud83c\udffe\u200d\u2764\ufe0f\u200d\ud83d\udc8b\u200d\ud83d\udc68\ud83c[\udffb-\udfff]|\ud83d\udc69\ud83c\udffe\u200d\u2764\ufe0f\u200d\ud83d\udc8b\u200d\ud83d\udc69\ud83c[\udffb-\udfff]|\ud83d\udc69\ud83c\udfff\u200d\u2764\ufe0f\u200d\ud83d\udc8b\u200d\ud83d\udc68\ud83c[\udffb-\udfff]|\ud83d\udc69\ud83c\udfff\u200d\u2764\ufe0f\u200d\ud83d\udc8b\u200d\ud83d\udc69\ud83c[\udffb-\udfff]|\ud83e\uddd1\ud83c\udffb\u200d\u2764\ufe0f\u200d\ud83d\udc8b\u200d\ud83e\uddd1\ud83c[\udffc-\udfff]|\ud83e\uddd1\ud83c\udffc\u200d\u2764\ufe0f\u200d\ud83d\udc8b\u200d\ud83e\uddd1\ud83c[\udffb\udffd-\udfff]|\ud83e\uddd1\ud83c\udffd\u200d\u2764\ufe0f\u200d\ud83d\udc8b\u200d\ud83e\uddd1\ud83c[\udffb\udffc\udffe\udfff]|\ud83e\uddd1\ud83c\udffe\u200d\u2764\ufe0f\u200d\ud83d\udc8b\u200d\ud83e\uddd1\ud83c[\udffb-\udffd\udfff]|\ud83e\uddd1\ud83c\udfff\u200d\u2764\ufe0f\u200d\ud83d\udc8b\u200d\ud83e\uddd1\ud83c[\udffb-\udffe]|\ud83d\udc68\ud83c\udffb\u200d\u2764\ufe0f\u200d\ud83d\udc68\ud83c[\udffb-\udfff]|\ud83d\udc68\ud83c\udffb\u200d\ud83d\udc30\u200d\ud83d\udc68\ud83c[\udffc-\udfff]|\ud83d\udc68\ud83c\udffb\u200d\ud83e\udd1d\u200d\ud83d\udc68\ud83c[\udffc-\udfff]|\ud83d\udc68\ud83c\udffb\u200d\ud83e\udeef\u200d\ud83d\udc68\ud83c[\udffc-\udfff]|\ud83d\udc68\ud83c\udffc\u200d\u2764\ufe0f\u200d\ud83d\udc68\ud83c[\udffb-\udfff]|\ud83d\udc68\ud83c\udffc\u200d\ud83d\udc30\u200d\ud83d\udc68\ud83c[\udffb\udffd-\udfff]|\ud83d\udc68\ud83c\udffc\u200d\ud83e\udd1d\u200d\ud83d\udc68\ud83c[\udffb\udffd-\udfff]|\ud83d\udc68\ud83c\udffc\u200d\ud83e\udeef\u200d\ud83d\udc68\ud83c[\udffb\udffd-\udfff]|\ud83d\udc68\ud83c\udffd\u200d\u2764\ufe0f\u200d\ud83d\udc68\ud83c[\udffb-\udfff]|\ud83d\udc68\ud83c\udffd\u200d\ud83d\udc30\u200d\ud83d\udc68\ud83c[\udffb\udffc\udffe\udfff]|\ud83d\udc68\ud83c\udffd\u200d\ud83e\udd1d\u200d\ud83d\udc68\ud83c[\udffb\udffc\udffe\udfff]|\ud83d\udc68\ud83c\udffd\u200d\ud83e\udeef\u200d\ud83d\udc68\ud83c[\udffb\udffc\udffe\udfff]|\ud83d\udc68\ud83c\udffe\u200d\u2764\ufe0f\u200d\ud83d\udc68\ud83c[\udffb-\udfff]|\ud83d\udc68\ud83c\udffe\u200d\ud83d\udc30\u200d\ud83d\udc68\ud83c[\udffb-\udffd\udfff]|\ud83d\udc68\ud83c\udffe\u200d\ud83e\udd1d\u200d\ud83d\udc68\ud83c[\udffb-\udffd\udfff]|\ud83d\udc68\ud83c\udffe\u200d\ud83e\udeef\u200d\ud83d\udc68\ud83c[\udffb-\udffd\udfff]|\ud83d\udc68\ud83c\udfff\u200d\u2764\ufe0f\u200d\ud83d\udc68\ud83c[\udffb-\udfff]|\ud83d\udc68\ud83c\udfff\u200d\ud83d\udc30\u200d\ud83d\udc68\ud83c[\udffb-\udffe]|\ud83d\udc68\ud83c\udfff\u200d\ud83e\udd1d\u200d\ud83d\udc68\ud83c[\udffb-\udffe]|\ud83d\udc68\ud83c\udfff\u200d\ud83e\udeef\u200d\ud83d\udc68\ud83c[\udffb-\udffe]|\ud83d\udc69\ud83c\udffb\u200d\u2764\ufe0f\u200d\ud83d\udc68\ud83c[\udffb-\udfff]|\ud83d\udc69\ud83c\udffb\u200d\u2764\ufe0f\u200d\ud83d\udc69\ud83c[\udffb-\udfff]|\ud83d\udc69\ud83c\udffb\u200d\ud83d\udc30\u200d\ud83d\udc69\ud83c[\udffc-\udfff]|\ud83d\udc69\ud83c\udffb\u200d\ud83e\udd1d\u200d\ud83d\udc68\ud83c[\udffc-\udfff]|\ud83d\udc69\ud83c\udffb\u200d\ud83e\udd1d\u200d\ud83d\udc69\ud83c[\udffc-\udfff]|\ud83d\udc69\ud83c\udffb\u200d\ud83e\udeef\u200d\ud83d\udc69\ud83c[\udffc-\udfff]|\ud83d\udc69\ud83c\udffc\u200d\u2764\ufe0f\u200d\ud83d\udc68\ud83c[\udffb-\udfff]|\ud83d\udc69\ud83c\udffc\u200d\u2764\ufe0f\u200d\ud83d\udc69\ud83c[\udffb-\udfff]|\ud83d\udc69\ud83c\udffc\u200d\ud83d\udc30\u200d\ud83d\udc69\ud83c[\udffb\udffd-\udfff]|\ud83d\udc69\ud83c\udffc\u200d\ud83e\udd1d\u200d\ud83d\udc68\ud83c[\udffb\udffd-\udfff]|\ud83d\udc69\ud83c\udffc\u200d\ud83e\udd1d\u200d\ud83d\udc69\ud83c[\udffb\udffd-\udfff]|\ud83d\udc69\ud83c\udffc\u200d\ud83e\udeef\u200d\ud83d\udc69\ud83c[\udffb\udffd-\udfff]|\ud83d\udc69\ud83c\udffd\u200d\u2764\ufe0f\u200d\ud83d\udc68\ud83c[\udffb-\udfff]|\ud83d\udc69\ud83c\udffd\u200d\u2764\ufe0f\u200d\ud83d\udc69\ud83c[\udffb-\udfff]|\ud83d\udc69\ud83c\udffd\u200d\ud83d\udc30\u200d\ud83d\udc69\ud83c[\udffb\udffc\udffe\udfff]|\ud83d\udc69\ud83c\udffd\u200d\ud83e\udd1d\u200d\ud83d\udc68\ud83c[\udffb\udffc\udffe\udfff]|\ud83d\udc69\ud83c\udffd\u200d\ud83e\udd1d\u200d\ud83d\udc69\ud83c[\udffb\udffc\udffe\udfff]|\ud83d\udc69\ud83c\udffd\u200d\ud83e\udeef\u200d\ud83d\udc69\ud83c[\udffb\udffc\udffe\udfff]|\ud83d\udc69\ud83c\udffe\u200d\u2764\ufe0f\u200d\ud83d\udc68\ud83c[\udffb-\udfff]|\ud83d\udc69\ud83c\udffe\u200d\u2764\ufe0f\u200d\ud83d\udc69\ud83c[\udffb-\udfff]|\ud83d\udc69\ud83c\udffe\u200d\ud83d\udc30\u200d\ud83d\udc69\ud83c[\udffb-\udffd\udfff]|\ud83d\udc69\ud83c\udffe\u200d\ud83e\udd1d\u200d\ud83d\udc68\ud83c[\udffb-\udffd\udfff]|\ud83d\udc69\ud83c\udffe\u200d\ud83e\udd1d\u200d\ud83d\udc69\ud83c[\udffb-\udffd\udfff]|\ud83d\udc69\ud83c\udffe\u200d\ud83e\udeef\u200d\ud83d\udc69\ud83c[\udffb-\udffd\udfff]|\ud83d\udc69\ud83c\udfff\u200d\u2764\ufe0f\u200d\ud83d\udc68\ud83c[\udffb-\udfff]|\ud83d\udc69\ud83c\udfff\u200d\u2764\ufe0f\u200d\ud83d\udc69\ud83c[\udffb-\udfff]|\ud83d\udc69\ud83c\udfff\u200d\ud83d\udc30\u200d\ud83d\udc69\ud83c[\udffb-\udffe]|\ud83d\udc69\ud83c\udfff\u200d\ud83e\udd1d\u200d\ud83d\udc68\ud83c[\udffb-\udffe]|\ud83d\udc69\ud83c\udfff\u200d\ud83e\udd1d\u200d\ud83d\udc69\ud83c[\udffb-\udffe]|\ud83d\udc69\ud83c\udfff\u200d\ud83e\udeef\u200d\ud83d\udc69\ud83c[\udffb-\udffe]|\ud83e\uddd1\ud83c\udffb\u200d\u2764\ufe0f\u200d\ud83e\uddd1\ud83c[\udffc-\udfff]|\ud83e\uddd1\ud83c\udffb\u200d\ud83d\udc30\u200d\ud83e\uddd1\ud83c[\udffc-\udfff]|\ud83e\uddd1\ud83c\udffb\u200d\ud83e\udd1d\u200d\ud83e\uddd1\ud83c[\udffb-\udfff]|\ud83e\uddd1\ud83c\udffb\u200d\ud83e\udeef\u200d\ud83e\uddd1\ud83c[\udffc-\udfff]|\ud83e\uddd1\ud83c\udffc\u200d\u2764\ufe0f\u200d\ud83e\uddd1\ud83c[\udffb\udffd-\udfff]|\ud83e\uddd1\ud83c\udffc\u200d\ud83d\udc30\u200d\ud83e\uddd1\ud83c[\udffb\udffd-\udfff]|\ud83e\uddd1\ud83c\udffc\u200d\ud83e\udd1d\u200d\ud83e\uddd1\ud83c[\udffb-\udfff]|\ud83e\uddd1\ud83c\udffc\u200d\ud83e\udeef\u200d\ud83e\uddd1\ud83c[\udffb\udffd-\udfff]|\ud83e\uddd1\ud83c\udffd\u200d\u2764\ufe0f\u200d\ud83e\uddd1\ud83c[\udffb\udffc\udffe\udfff]|\ud83e\uddd1\ud83c\udffd\u200d\ud83d\udc30\u200d\ud83e\uddd1\ud83c[\udffb\udffc\udffe\udfff]|\ud83e\uddd1\ud83c\udffd\u200d\ud83e\udd1d\u200d\ud83e\uddd1\ud83c[\udffb-\udfff]|\ud83e\uddd1\ud83c\udffd\u200d\ud83e\udeef\u200d\ud83e\uddd1\ud83c[\udffb\udffc\udffe\udfff]|\ud83e\uddd1\ud83c\udffe\u200d\u2764\ufe0f\u200d\ud83e\uddd1\ud83c[\udffb-\udffd\udfff]|\ud83e\uddd1\ud83c\udffe\u200d\ud83d\udc30\u200d\ud83e\uddd1\ud83c[\udffb-\udffd\udfff]|\ud83e\uddd1\ud83c\udffe\u200d\ud83e\udd1d\u200d\ud83e\uddd1\ud83c[\udffb-\udfff]|\ud83e\uddd1\ud83c\udffe\u200d\ud83e\udeef\u200d\ud83e\uddd1\ud83c[\udffb-\udffd\udfff]|\ud83e\uddd1\ud83c\udfff\u200d\u2764\ufe0f\u200d\ud83e\uddd1\ud83c[\udffb-\udffe]|\ud83e\uddd1\ud83c\udfff\u200d\ud83d\udc30\u200d\ud83e\uddd1\ud83c[\udffb-\udffe]|\ud83e\uddd1\ud83c\udfff\u200d\ud83e\udd1d\u200d\ud83e\uddd1\ud83c[\udffb-\udfff]|\ud83e\uddd1\ud83c\udfff\u200d\ud83e\udeef\u200d\ud83e\uddd1\ud83c[\udffb-\udffe]|\ud83d\udc68\u200d\u2764\ufe0f\u200d\ud83d\udc8b\u200d\ud83d\udc68|\ud83d\udc69\u200d\u2764\ufe0f\u200d\ud83d\udc8b\u200d\ud83d[\udc68\udc69]|\ud83e\udef1\ud83c\udffb\u200d\ud83e\udef2\ud83c[\udffc-\udfff]|\ud83e\udef1\ud83c\udffc\u200d\ud83e\udef2\ud83c[\udffb\udffd-\udfff]|\ud83e\udef1\ud83c\udffd\u200d\ud83e\udef2\ud83c[\udffb\udffc\udffe\udfff]|\ud83e\udef1\ud83c\udffe\u200d\ud83e\udef2\ud83c[\udffb-\udffd\udfff]|\ud83e\udef1\ud83c\udfff\u200d\ud83e\udef2\ud83c[\udffb-\udffe]|\ud83d\udc68\u200d\u2764\ufe0f\u200d\ud83d\udc68|\ud83d\udc69\u200d\u2764\ufe0f\u200d\ud83d[\udc68\udc69]|\ud83e\uddd1\u200d\ud83e\udd1d\u200d\ud83e\uddd1|\ud83d\udc6f\ud83c\udffb\u200d\u2640\ufe0f|\ud83d\udc6f\ud83c\udffb\u200d\u2642\ufe0f|\ud83d\udc6f\ud83c\udffc\u200d\u2640\ufe0f|\ud83d\udc6f\ud83c\udffc\u200d\u2642\ufe0f|\ud83d\udc6f\ud83c\udffd\u200d\u2640\ufe0f|\ud83d\udc6f\ud83c\udffd\u200d\u2642\ufe0f|\ud83d\udc6f\ud83c\udffe\u200d\u2640\ufe0f|\ud83d\udc6f\ud83c\udffe\u200d\u2642\ufe0f|\ud83d\udc6f\ud83c\udfff\u200d\u2640\ufe0f|\ud83d\udc6f\ud83c\udfff\u200d\u2642\ufe0f|\ud83e\udd3c\ud83c\udffb\u200d\u2640\ufe0f|\ud83e\udd3c\ud83c\udffb\u200d\u2642\ufe0f|\ud83e\udd3c\ud83c\udffc\u200d\u2640\ufe0f|\ud83e\udd3c\ud83c\udffc\u200d\u2642\ufe0f|\ud83e\udd3c\ud83c\udffd\u200d\u2640\ufe0f|\ud83e\udd3c\ud83c\udffd\u200d\u2642\ufe0f|\ud83e\udd3c\ud83c\udffe\u200d\u2640\ufe0f|\ud83e\udd3c\ud83c\udffe\u200d\u2642\ufe0f|\ud83e\udd3c\ud83c\udfff\u200d\u2640\ufe0f|\ud83e\udd3c\ud83c\udfff\u200d\u2642\ufe0f|\ud83d\udc6f\u200d\u2640\ufe0f|\ud83d\udc6f\u200d\u2642\ufe0f|\ud83e\udd3c\u200d\u2640\ufe0f|\ud83e\udd3c\u200d\u2642\ufe0f|\ud83d\udc6b\ud83c[\udffb-\udfff]|\ud83d\udc6c\ud83c[\udffb-\udfff]|\ud83d\udc6d\ud83c[\udffb-\udfff]|\ud83d\udc6f\ud83c[\udffb-\udfff]|\ud83d\udc8f\ud83c[\udffb-\udfff]|\ud83d\udc91\ud83c[\udffb-\udfff]|\ud83e\udd1d\ud83c[\udffb-\udfff]|\ud83e\udd3c\ud83c[\udffb-\udfff]|\ud83d[\udc6b-\udc6d\udc6f\udc8f\udc91]|\ud83e[\udd1d\udd3c])|(?:\ud83d[\udc68\udc69]|\ud83e\uddd1)(?:\ud83c[\udffb-\udfff])?\u200d(?:\u2695\ufe0f|\u2696\ufe0f|\u2708\ufe0f|\ud83c[\udf3e\udf73\udf7c\udf84\udf93\udfa4\udfa8\udfeb\udfed]|\ud83d[\udcbb\udcbc\udd27\udd2c\ude80\ude92]|\ud83e[\uddaf-\uddb3\uddbc\uddbd\ude70])(?:\u200d\u27a1\ufe0f)?|(?:\ud83c[\udfcb\udfcc]|\ud83d[\udd74\udd75]|\u26f9)((?:\ud83c[\udffb-\udfff]|\ufe0f)\u200d[\u2640\u2642]\ufe0f(?:\u200d\u27a1\ufe0f)?)|(?:\ud83c[\udfc3\udfc4\udfca]|\ud83d[\udc6e\udc70\udc71\udc73\udc77\udc81\udc82\udc86\udc87\ude45-\ude47\ude4b\ude4d\ude4e\udea3\udeb4-\udeb6]|\ud83e[\udd26\udd35\udd37-\udd39\udd3d\udd3e\uddb8\uddb9\uddcd-\uddcf\uddd4\uddd6-\udddd])(?:\ud83c[\udffb-\udfff])?\u200d[\u2640\u2642]\ufe0f(?:\u200d\u27a1\ufe0f)?|(?:\ud83d\udc68\u200d\ud83d\udc68\u200d\ud83d\udc66\u200d\ud83d\udc66|\ud83d\udc68\u200d\ud83d\udc68\u200d\ud83d\udc67\u200d\ud83d[\udc66\udc67]|\ud83d\udc68\u200d\ud83d\udc69\u200d\ud83d\udc66\u200d\ud83d\udc66|\ud83d\udc68\u200d\ud83d\udc69\u200d\ud83d\udc67\u200d\ud83d[\udc66\udc67]|\ud83d\udc69\u200d\ud83d\udc69\u200d\ud83d\udc66\u200d\ud83d\udc66|\ud83d\udc69\u200d\ud83d\udc69\u200d\ud83d\udc67\u200d\ud83d[\udc66\udc67]|\ud83e\uddd1\u200d\ud83e\uddd1\u200d\ud83e\uddd2\u200d\ud83e\uddd2|\ud83d\udc68\u200d\ud83d\udc66\u200d\ud83d\udc66|\ud83d\udc68\u200d\ud83d\udc67\u200d\ud83d[\udc66\udc67]|\ud83d\udc68\u200d\ud83d\udc68\u200d\ud83d[\udc66\udc67]|\ud83d\udc68\u200d\ud83d\udc69\u200d\ud83d[\udc66\udc67]|\ud83d\udc69\u200d\ud83d\udc66\u200d\ud83d\udc66|\ud83d\udc69\u200d\ud83d\udc67\u200d\ud83d[\udc66\udc67]|\ud83d\udc69\u200d\ud83d\udc69\u200d\ud83d[\udc66\udc67]|\ud83e\uddd1\u200d\ud83e\uddd1\u200d\ud83e\uddd2|\ud83e\uddd1\u200d\ud83e\uddd2\u200d\ud83e\uddd2|\ud83c\udff3\ufe0f\u200d\u26a7\ufe0f|\ud83c\udff3\ufe0f\u200d\ud83c\udf08|\ud83d\ude36\u200d\ud83c\udf2b\ufe0f|\u26d3\ufe0f\u200d\ud83d\udca5|\u2764\ufe0f\u200d\ud83d\udd25|\u2764\ufe0f\u200d\ud83e\ude79|\ud83c\udf44\u200d\ud83d\udfeb|\ud83c\udf4b\u200d\ud83d\udfe9|\ud83c\udff4\u200d\u2620\ufe0f|\ud83d\udc15\u200d\ud83e\uddba|\ud83d\udc26\u200d\ud83d\udd25|\ud83d\udc3b\u200d\u2744\ufe0f|\ud83d\udc41\u200d\ud83d\udde8|\ud83d\udc68\u200d\ud83d[\udc66\udc67]|\ud83d\udc69\u200d\ud83d[\udc66\udc67]|\ud83d\ude2e\u200d\ud83d\udca8|\ud83d\ude35\u200d\ud83d\udcab|\ud83d\ude42\u200d\u2194\ufe0f|\ud83d\ude42\u200d\u2195\ufe0f|\ud83e\uddd1\u200d\ud83e\uddd2|\ud83e\uddde\u200d\u2640\ufe0f|\ud83e\uddde\u200d\u2642\ufe0f|\ud83e\udddf\u200d\u2640\ufe0f|\ud83e\udddf\u200d\u2642\ufe0f|\ud83d\udc08\u200d\u2b1b|\ud83d\udc26\u200d\u2b1b)|[#*0-9]\ufe0f?\u20e3|(?:[©®\u2122\u265f]\ufe0f)|(?:\ud83c[\udc04\udd70\udd71\udd7e\udd7f\ude02\ude1a\ude2f\ude37\udf21\udf24-\udf2c\udf36\udf7d\udf96\udf97\udf99-\udf9b\udf9e\udf9f\udfcd\udfce\udfd4-\udfdf\udff3\udff5\udff7]|\ud83d[\udc3f\udc41\udcfd\udd49\udd4a\udd6f\udd70\udd73\udd76-\udd79\udd87\udd8a-\udd8d\udda5\udda8\uddb1\uddb2\uddbc\uddc2-\uddc4\uddd1-\uddd3\udddc-\uddde\udde1\udde3\udde8\uddef\uddf3\uddfa\udecb\udecd-\udecf\udee0-\udee5\udee9\udef0\udef3]|[\u203c\u2049\u2139\u2194-\u2199\u21a9\u21aa\u231a\u231b\u2328\u23cf\u23ed-\u23ef\u23f1\u23f2\u23f8-\u23fa\u24c2\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe\u2600-\u2604\u260e\u2611\u2614\u2615\u2618\u2620\u2622\u2623\u2626\u262a\u262e\u262f\u2638-\u263a\u2640\u2642\u2648-\u2653\u2660\u2663\u2665\u2666\u2668\u267b\u267f\u2692-\u2697\u2699\u269b\u269c\u26a0\u26a1\u26a7\u26aa\u26ab\u26b0\u26b1\u26bd\u26be\u26c4\u26c5\u26c8\u26cf\u26d1\u26d3\u26d4\u26e9\u26ea\u26f0-\u26f5\u26f8\u26fa\u26fd\u2702\u2708\u2709\u270f\u2712\u2714\u2716\u271d\u2721\u2733\u2734\u2744\u2747\u2757\u2763\u2764\u27a1\u2934\u2935\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55\u3030\u303d\u3297\u3299])(?:\ufe0f|(?!\ufe0e))|(?:(?:\ud83c[\udfcb\udfcc]|\ud83d[\udd74\udd75\udd90]|\ud83e\udef0|[\u261d\u26f7\u26f9\u270c\u270d])(?:\ufe0f|(?!\ufe0e))|(?:\ud83c\udfc3|\ud83d\udeb6|\ud83e\uddce)(?:\ud83c[\udffb-\udfff])?(?:\u200d\u27a1\ufe0f)?|(?:\ud83c[\udf85\udfc2\udfc4\udfc7\udfca]|\ud83d[\udc42\udc43\udc46-\udc50\udc66-\udc69\udc6e\udc70-\udc78\udc7c\udc81-\udc83\udc85-\udc87\udcaa\udd7a\udd95\udd96\ude45-\ude47\ude4b-\ude4f\udea3\udeb4\udeb5\udec0\udecc]|\ud83e[\udd0c\udd0f\udd18-\udd1c\udd1e\udd1f\udd26\udd30-\udd39\udd3d\udd3e\udd77\uddb5\uddb6\uddb8\uddb9\uddbb\uddcd\uddcf\uddd1-\udddd\udec3-\udec5\udef1-\udef8]|[\u270a\u270b]))(?:\ud83c[\udffb-\udfff])?|(?:\ud83c\udff4\udb40\udc67\udb40\udc62\udb40\udc65\udb40\udc6e\udb40\udc67\udb40\udc7f|\ud83c\udff4\udb40\udc67\udb40\udc62\udb40\udc73\udb40\udc63\udb40\udc74\udb40\udc7f|\ud83c\udff4\udb40\udc67\udb40\udc62\udb40\udc77\udb40\udc6c\udb40\udc73\udb40\udc7f|\ud83c\udde6\ud83c[\udde8-\uddec\uddee\uddf1\uddf2\uddf4\uddf6-\uddfa\uddfc\uddfd\uddff]|\ud83c\udde7\ud83c[\udde6\udde7\udde9-\uddef\uddf1-\uddf4\uddf6-\uddf9\uddfb\uddfc\uddfe\uddff]|\ud83c\udde8\ud83c[\udde6\udde8\udde9\uddeb-\uddee\uddf0-\uddf7\uddfa-\uddff]|\ud83c\udde9\ud83c[\uddea\uddec\uddef\uddf0\uddf2\uddf4\uddff]|\ud83c\uddea\ud83c[\udde6\udde8\uddea\uddec\udded\uddf7-\uddfa]|\ud83c\uddeb\ud83c[\uddee-\uddf0\uddf2\uddf4\uddf7]|\ud83c\uddec\ud83c[\udde6\udde7\udde9-\uddee\uddf1-\uddf3\uddf5-\uddfa\uddfc\uddfe]|\ud83c\udded\ud83c[\uddf0\uddf2\uddf3\uddf7\uddf9\uddfa]|\ud83c\uddee\ud83c[\udde8-\uddea\uddf1-\uddf4\uddf6-\uddf9]|\ud83c\uddef\ud83c[\uddea\uddf2\uddf4\uddf5]|\ud83c\uddf0\ud83c[\uddea\uddec-\uddee\uddf2\uddf3\uddf5\uddf7\uddfc\uddfe\uddff]|\ud83c\uddf1\ud83c[\udde6-\udde8\uddee\uddf0\uddf7-\uddfb\uddfe]|\ud83c\uddf2\ud83c[\udde6\udde8-\udded\uddf0-\uddff]|\ud83c\uddf3\ud83c[\udde6\udde8\uddea-\uddec\uddee\uddf1\uddf4\uddf5\uddf7\uddfa\uddff]|\ud83c\uddf4\ud83c\uddf2|\ud83c\uddf5\ud83c[\udde6\uddea-\udded\uddf0-\uddf3\uddf7-\uddf9\uddfc\uddfe]|\ud83c\uddf6\ud83c\udde6|\ud83c\uddf7\ud83c[\uddea\uddf4\uddf8\uddfa\uddfc]|\ud83c\uddf8\ud83c[\udde6-\uddea\uddec-\uddf4\uddf7-\uddf9\uddfb\uddfd-\uddff]|\ud83c\uddf9\ud83c[\udde6\udde8\udde9\uddeb-\udded\uddef-\uddf4\uddf7\uddf9\uddfb\uddfc\uddff]|\ud83c\uddfa\ud83c[\udde6\uddec\uddf2\uddf3\uddf8\uddfe\uddff]|\ud83c\uddfb\ud83c[\udde6\udde8\uddea\uddec\uddee\uddf3\uddfa]|\ud83c\uddfc\ud83c[\uddeb\uddf8]|\ud83c\uddfd\ud83c\uddf0|\ud83c\uddfe\ud83c[\uddea\uddf9]|\ud83c\uddff\ud83c[\udde6\uddf2\uddfc]|\ud83c[\udccf\udd8e\udd91-\udd9a\udde6-\uddff\ude01\ude32-\ude36\ude38-\ude3a\ude50\ude51\udf00-\udf20\udf2d-\udf35\udf37-\udf7c\udf7e-\udf84\udf86-\udf93\udfa0-\udfc1\udfc5\udfc6\udfc8\udfc9\udfcf-\udfd3\udfe0-\udff0\udff4\udff8-\udfff]|\ud83d[\udc00-\udc3e\udc40\udc44\udc45\udc51-\udc65\udc6a\udc79-\udc7b\udc7d-\udc80\udc84\udc88-\udc8e\udc90\udc92-\udca9\udcab-\udcfc\udcff-\udd3d\udd4b-\udd4e\udd50-\udd67\udda4\uddfb-\ude44\ude48-\ude4a\ude80-\udea2\udea4-\udeb3\udeb7-\udebf\udec1-\udec5\uded0-\uded2\uded5-\uded8\udedc-\udedf\udeeb\udeec\udef4-\udefc\udfe0-\udfeb\udff0]|\ud83e[\udd0d\udd0e\udd10-\udd17\udd20-\udd25\udd27-\udd2f\udd3a\udd3f-\udd45\udd47-\udd76\udd78-\uddb4\uddb7\uddba\uddbc-\uddcc\uddd0\uddde-\uddff\ude70-\ude7c\ude80-\ude8a\ude8e-\udec2\udec6\udec8\udecd-\udedc\udedf-\udeea\udeef]|[\u23e9-\u23ec\u23f0\u23f3\u267e\u26ce\u2705\u2728\u274c\u274e\u2753-\u2755\u2795-\u2797\u27b0\u27bf\ue50a])|\ufe0f)/;

};
