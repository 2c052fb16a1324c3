"""The page of a paper session: one page on this machine's own address, read-only unless control was asked for.

    tap      what the session journals, and how it stands, handed over without ever waiting
    board    a fold of the journal's rows into what is shown
    parts    the board as pieces of HTML
    doors    who may ask for what; guard asks first
    serve    a server in a thread of its own

The engine's thread puts things down and goes on; whatever a browser does or leaves undone happens in the server's thread.
"""
