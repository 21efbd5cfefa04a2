"""``scan proxy``: will this configuration log query strings or ``Referer``?

Each proxy's module reads its configuration and says what stands in a line of its log
for sample requests (:mod:`headway.scan.proxy.traffic`); nothing is run.
"""
