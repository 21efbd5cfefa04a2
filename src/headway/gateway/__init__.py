"""Retire a token location: announce, warn, brown out, switch off, and know who would break.

``decision.py`` says what a decision is, ``decide.py`` how it comes about, and
``policy_file.py`` what an operator writes.  Everything else asks for decisions
(proxy, authorization services, middleware) or looks at what they counted.
"""
