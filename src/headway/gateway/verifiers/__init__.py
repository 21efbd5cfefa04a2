"""Who proves whose a token is: nobody, a Connect installation's secret, or an issuer's key set.

``settings.py`` is what a policy file says about it.
"""
