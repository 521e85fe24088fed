"""A day in the life of the bot: one scenario for every platform.

`scenario` is what people do, in words that any platform has. `stage` is what a platform has to
offer for it; `slack` and `discord` do. `backstage` runs the real program on a real Redis
against a model whose mind (`mind`) can be read, `diary` keeps what was said and what has to come of
it, and `verdict` is what must be true when the day is over. To play it on another platform: write
a `Stage`, and a test that calls `play` with it.
"""
