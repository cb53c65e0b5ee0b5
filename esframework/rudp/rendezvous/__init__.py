"""How one is seen from outside: what is asked of a P2P server, and what it answers. Pure.

    messages    requests and answers, bytes; the same over UDP and TCP
    tokens      who may ask: tokens that an application server gives and a P2P server believes
    answering   the server: no state before the token counts, no answer longer than its request
    discovery   the client: the own address as the server sees it, whether UDP works, and what the NAT between does
"""
