"""Who still uses a location that is on its way out: counted, kept, merged, read.

``record.py`` says what one line of usage is, ``counting.py`` makes such lines of
decisions without slowing them down, ``store.py`` keeps and merges them, and
``report.py`` reads them: who is left, who came back, whether it is safe.
"""
