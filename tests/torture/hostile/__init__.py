"""
S2: hostile replies in every place that shows them, raw and filtered, in real front ends.

    replies   what is said, armed with a tag; in which part of an answer
    servers   an endpoint that says it, and a canary that counts whoever asks for it
    inside    what the kernel does: ask, or paint as if it had asked
    scanner   what the page sees: scripts that ran, links, elements and attributes that could act
    places    a row each: where it is shown, raw or filtered
    counting  the figure
"""
