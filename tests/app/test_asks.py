from __future__ import annotations

import httpx

from headway.app.asks import Access, Give, Opened, Send


def test_nothing_shows_what_is_sent_or_given():
    request = httpx.Request("GET", "https://x.example/?secret", headers={"Authorization": "x"})
    shown = [
        repr(Send(request)),
        repr(Opened(httpx.Response(200, headers={"location": "secret"}), None)),
        repr(Give("secret")),
        repr(Access("secret", lambda: None)),
    ]
    assert shown == ["<send GET>", "<answer, status 200>", "<give>", "<access>"]
