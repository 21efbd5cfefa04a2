"""The built-in proxy: HTTP/1.1 in front of an API, streaming, and strict about what it takes.

``head`` turns bytes into one request or refuses them, ``forwarding`` says what of it goes
upstream, ``upstreams`` knows where that is, ``exchange`` carries one request out, ``connection``
one client, and ``server`` all of them.
"""
