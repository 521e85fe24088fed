"""What Discord shows of a message, by an independent renderer: npm's discord-markdown-parser.

`discord-markdown-parser.js` holds its modules unchanged, each in a function, so that QuickJS (in
a wheel) runs them with no Node. It is under the Apache License 2.0 (LICENSE); its part
`simple-markdown` comes from Khan Academy's package of that name (MIT). `bundle.py` makes it again
from what npm serves, to the byte.
"""
