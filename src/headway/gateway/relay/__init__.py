"""The relay: an outgoing proxy on this machine, for programs that cannot be changed.

They still write the token into the address; on the way to the sites that are
named it is moved into the header.  Nothing goes anywhere else.
"""
