"""Where webhooks may lead: to public addresses, however they are written."""

import ipaddress

import pytest
from pydantic import HttpUrl

from core.errors import TargetRefused
from core.public_address import require_plausible, require_public

INSIDE = {
    "private": ["10.0.0.1", "172.16.0.1", "192.168.1.1", "fd00::1", "fec0::1"],
    "link-local, where clouds keep their secrets": [
        "169.254.169.254",
        "192.0.0.192",
        "168.63.129.16",
        "fe80::1",
    ],
    "shared by carriers": ["100.64.0.1"],
    "nowhere": ["0.0.0.0", "::", "192.0.2.1", "198.18.0.1", "240.0.0.1", "255.255.255.255"],
    "of many": ["224.0.0.1", "ff02::1"],
    "an IPv4 address inside an IPv6 one": [
        "::ffff:10.0.0.1",
        "::10.0.0.1",
        "64:ff9b::10.0.0.1",
        "2002:a00:1::1",
        "2001:0:a00:1::f5ff:fffe",
    ],
}
LOOPBACK = ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"]
PUBLIC = ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("text", [text for texts in INSIDE.values() for text in texts])
@pytest.mark.parametrize("allow_loopback", [False, True])
def test_an_address_inside_is_refused(text, allow_loopback):
    with pytest.raises(TargetRefused, match="not a public address"):
        require_public(ipaddress.ip_address(text), allow_loopback=allow_loopback)


@pytest.mark.parametrize("text", LOOPBACK)
def test_this_machine_is_refused_but_for_development(text):
    with pytest.raises(TargetRefused):
        require_public(ipaddress.ip_address(text), allow_loopback=False)
    require_public(ipaddress.ip_address(text), allow_loopback=True)


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_is_taken(text):
    require_public(ipaddress.ip_address(text), allow_loopback=False)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost:8000/",
        "http://LOCALHOST/",
        "http://a.localhost/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://[::1]/",
        "https://ana:secret@hooks.example/",
    ],
)
def test_a_url_that_cannot_be_meant_is_refused_before_anything_is_sent(url):
    with pytest.raises(TargetRefused):
        require_plausible(HttpUrl(url), allow_loopback=False)


@pytest.mark.parametrize(
    "url", ["https://hooks.example/lethe", "http://8.8.8.8:8443/", "https://[2606:4700::1111]/"]
)
def test_a_url_that_may_be_public_is_taken(url):
    require_plausible(HttpUrl(url), allow_loopback=False)
