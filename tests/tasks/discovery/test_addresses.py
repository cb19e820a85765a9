"""Which addresses a crawl follows, what shape they have, and what robots.txt and sitemaps say."""

from __future__ import annotations

import gzip

import pytest

from tasks.discovery.addresses import (
    Shape,
    address_of,
    adds_to_query,
    languages_of,
    looks_like_action,
    origin_of,
    query_keys,
    shapes_of,
    with_own_words,
    without_query,
)
from tasks.discovery.robots import MOST_BYTES, MOST_RULES, Robots, read_robots
from tasks.discovery.sitemap import MOST_ENTRIES, read_sitemap, unpacked

SHOP = origin_of("https://shop.example")

ADDRESSES = {
    "a page": ("https://shop.example/about", "/about"),
    "a fragment": ("https://shop.example/about#team", "/about"),
    "a client-side route": ("https://shop.example/#/orders", "/#/orders"),
    "a query of a route": ("https://shop.example/?a=1#/orders?utm_source=x&by=b c", "/?a=1#/orders?by=b+c"),
    "a route with an empty query": ("https://shop.example/#/orders?&", "/#/orders"),
    "the default port": ("https://shop.example:443/about", "/about"),
    "the other scheme": ("http://shop.example/about", "/about"),
    "a campaign": ("https://shop.example/about?utm_source=x&tab=2", "/about?tab=2"),
    "where it came from": ("https://shop.example/about?returnTo=%2Fa&returnUrl=b&tab=2", "/about?tab=2"),
    "a session in the query": ("https://shop.example/about?PHPSESSID=0123456789abcdef", "/about"),
    "a session in the path": ("https://shop.example/about;jsessionid=A1B2C3", "/about"),
    "letters of another script": ("https://shop.example/über", "/%C3%BCber"),
    "a right-to-left mark": ("https://shop.example/a\u202eb", "/a%E2%80%AEb"),
    "another host": ("https://evil.example/about", None),
    "another port": ("https://shop.example:8443/about", None),
    "a host in front": ("https://shop.example@evil.example/", None),
    "a path that is a host": ("https://shop.example//evil.example/", None),
    "a file": ("https://shop.example/catalogue.PDF", None),
    "a script": ("javascript:alert(1)", None),
    "a mail address": ("mailto:ada@shop.example", None),
    "a repeated segment": ("https://shop.example/a/b/a/b/a/b", None),
    "a deep path": ("https://shop.example/" + "/".join("abcdefghijklm"), None),
    "a long one": ("https://shop.example/" + "x" * 3000, None),
    "no address": ("https://[::1", None),
    "no port": ("https://shop.example:port/", None),
}


@pytest.mark.parametrize(("url", "address"), ADDRESSES.values(), ids=ADDRESSES.keys())
def test_an_address_of_the_site(url: str, address: str | None) -> None:
    assert address_of(url, SHOP) == address


@pytest.mark.parametrize("url", ["", "shop", "ftp://shop.example", "https://", "https://ada:pw@shop.example"])
def test_no_origin(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        origin_of(url)


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("/logout", ""), ("/account/log-out", ""), ("/sign_out", ""), ("/users/17/delete", ""), ("/x?action=edit", ""),
        ("/?add-to-cart=4", ""), ("/cart?remove=3", ""), ("/session/end", "Sign out"), ("/x/7", "Delete"),
        ("/list/unsubscribe", ""), ("/x?_method=delete", ""),
    ],
)  # fmt: skip
def test_what_looks_like_an_action_is_one(address: str, text: str) -> None:
    assert looks_like_action(address, text)


@pytest.mark.parametrize(
    ("address", "text"),
    [("/approvals", "Approvals"), ("/blog/how-to-delete-your-account-safely", "How to delete your account, explained"),
     ("/product/17", "Red shoes"), ("/login", "Sign in"), ("/list?page=2", "Next")],
)  # fmt: skip
def test_what_is_only_looked_at_is_no_action(address: str, text: str) -> None:
    assert not looks_like_action(address, text)


def test_a_marked_link_is_an_action() -> None:
    assert looks_like_action("/fine", marked=True)


def test_ids_and_many_siblings_are_variable() -> None:
    """Numbers from the first on, words from the sixth on; what lies below them is one shape."""
    few = [f"/help/{word}" for word in "abcde"]
    many = [f"/product/{word}/reviews" for word in ("ash", "birch", "cedar", "elm", "fir", "hazel")]
    shapes = shapes_of([*few, *many, "/order/17", "/invoice/INV-0042", "/list?page=2&sort=up", "/#/user/17"])
    assert [shapes[address].path for address in few] == few
    assert {shapes[address].path for address in many} == {"/product/{}/reviews"}
    assert (shapes["/order/17"].path, shapes["/invoice/INV-0042"].path) == ("/order/{}", "/invoice/{}")
    assert shapes["/list?page=2&sort=up"].path == "/list/?page=/{}/?sort=/up"
    assert shapes["/#/user/17"].path == "/#/user/{}"


def test_a_language_is_no_part_of_a_shape() -> None:
    """Only where two languages lead to one and the same page; `/it` alone may be the IT department."""
    addresses = ["/en/about", "/de/about", "/en/", "/it/servers"]
    assert languages_of(addresses) == {"en", "de"}
    shapes = shapes_of(addresses)
    assert (shapes["/en/about"], shapes["/de/about"].path) == (shapes["/en/about"], "/about")
    assert (shapes["/en/about"].language, shapes["/en/"].path) == ("en", "/")
    assert shapes["/it/servers"].path == "/it/servers"


def test_shapes_of_a_large_site_are_quick_to_tell() -> None:
    addresses = [f"/c{number % 400}/p-{number}" for number in range(50_000)]
    assert {shape.path for shape in shapes_of(addresses).values()} == {"/{}/{}"}


# -- robots.txt -------------------------------------------------------------------------------------------------------

RULES = b"""
User-agent: other
Disallow: /
User-agent: *
Disallow: /private
Allow: /private/open
Disallow: /*.pdf$
Disallow: /a*b*c
Disallow: /%7Eada
Allow: /
Crawl-delay: 90
Sitemap: https://shop.example/map.xml
"""


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("/", True), ("/about", True), ("/private", False), ("/private/x", False), ("/private/open/x", True),
        ("/x.pdf", False), ("/x.pdf?y=1", True), ("/a-b-c", False), ("/a-c-b", True), ("/~ada", False),
        ("/privat%65", False),
    ],
)  # fmt: skip
def test_the_longest_rule_counts(address: str, allowed: bool) -> None:
    """Not the first one; wildcards and encodings are understood (RFC 9309)."""
    robots = read_robots(200, "text/plain", RULES)
    assert robots.allows(address) is allowed


def test_what_else_robots_tells() -> None:
    robots = read_robots(200, "text/plain", RULES)
    assert (robots.sitemaps, robots.delay_seconds) == (("https://shop.example/map.xml",), 5.0)


def test_our_own_group_counts_before_that_of_everyone() -> None:
    robots = read_robots(200, "text/plain", b"User-agent: *\nDisallow: /\n\nUser-agent: Stageproof\nDisallow: /x\n")
    assert (robots.allows("/"), robots.allows("/x")) == (True, False)


ODD_ROBOTS = {
    "absent": ((404, "text/plain", b"User-agent: *\nDisallow: /"), True, ""),
    "a server error": ((503, "text/plain", b""), False, "answered 503, which forbids everything"),
    "no answer": ((None, "", b""), False, "did not answer"),
    "HTML": ((200, "text/html", b"<!doctype html>Disallow: /"), True, "an HTML page"),
    "HTML that says text": ((200, "text/plain", b"  <html>"), True, "an HTML page"),
    "open": ((200, "text/plain", b"User-agent: *\nDisallow:\n"), True, ""),
    "binary": ((200, "text/plain", bytes(range(256)) * 8), True, ""),
    "huge": ((200, "text/plain", b"# x\n" * 200_000), True, "only the first 500 KiB"),
    "forbidding late": ((200, "text/plain", b"#" * (MOST_BYTES - 30) + b"\nUser-agent:*\nDisallow:/\n"), False, ""),
    "too many rules": (
        (200, "text/plain", b"User-agent: *\n" + b"Disallow: /a\n" * (MOST_RULES + 1)),
        False,
        "more than 2,000 rules",
    ),
}


@pytest.mark.parametrize(("answer", "allowed", "note"), ODD_ROBOTS.values(), ids=ODD_ROBOTS.keys())
def test_an_odd_robots_file(answer: tuple[int | None, str, bytes], allowed: bool, note: str) -> None:
    robots = read_robots(*answer)
    assert (robots.allows("/page"), note in robots.note) == (allowed, True), robots.note


@pytest.mark.timeout(20)
def test_a_rule_of_many_wildcards_costs_little() -> None:
    """A regular expression made of it would go on for years."""
    robots = Robots([("/" + "*a" * 600 + "$", False)] * 50)
    assert robots.allows("/" + "a" * 1_400 + "b")
    assert not robots.allows("/" + "a" * 1_400)


# -- sitemaps ---------------------------------------------------------------------------------------------------------

NAMESPACE = b'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def urlset(*addresses: bytes) -> bytes:
    urls = b"".join(b"<url><loc> %s </loc><lastmod>2026-01-01</lastmod></url>" % address for address in addresses)
    return b'<?xml version="1.0"?><urlset %s>%s</urlset>' % (NAMESPACE, urls)


def test_a_sitemap_and_an_index() -> None:
    index = b"<sitemapindex %s><sitemap><loc>https://x/a.xml</loc></sitemap></sitemapindex>" % NAMESPACE
    assert read_sitemap(urlset(b"https://x/1", b"https://x/?a=1&amp;b=2")).pages == [
        "https://x/1",
        "https://x/?a=1&b=2",
    ]
    assert read_sitemap(gzip.compress(urlset(b"https://x/1"))).pages == ["https://x/1"]
    assert read_sitemap(b"https://x/1\nnot one\nhttps://x/2\n").pages == ["https://x/1", "https://x/2"]
    assert read_sitemap(index).sitemaps == ["https://x/a.xml"]


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>' + urlset(b"&b;")
ODD_SITEMAPS = {
    "empty": (b"", "empty"),
    "HTML": (b"<!doctype html><html></html>", "an HTML page"),
    "HTML after remarks": (b"\n<!-- (c) us -->\n<!-- v2 --><!DOCTYPE HTML><html>", "an HTML page"),
    "remarks without end": (b"<!-- " * 2_000 + b"<!doctype html>", "not well-formed XML"),
    "remarks alone": (b"<!-- -->" * 1_000, "not well-formed XML"),
    "an entity bomb": (BOMB, "not well-formed XML: DTDForbidden"),
    "cut off": (urlset(b"https://x/1")[:-20], "not well-formed XML"),
    "broken gzip": (b"\x1f\x8b" + b"nonsense" * 10, "not the gzip file"),
    "bytes": (b"<\xff\xfe\x00\x00", "not well-formed XML"),
    "an unknown encoding": (b'<?xml version="1.0" encoding="nope"?><urlset/>', "not well-formed XML"),
}


@pytest.mark.parametrize(("body", "note"), ODD_SITEMAPS.values(), ids=ODD_SITEMAPS.keys())
def test_an_odd_sitemap_says_what_is_wrong(body: bytes, note: str) -> None:
    assert note in read_sitemap(body).note


def test_a_sitemap_that_breaks_off_tells_what_it_told() -> None:
    assert read_sitemap(urlset(b"https://x/1", b"https://x/2")[:-5]).pages == ["https://x/1", "https://x/2"]


def test_a_gzip_bomb_is_unpacked_to_its_limit() -> None:
    content, note = unpacked(gzip.compress(b"\0" * 30_000_000), most_bytes=1_000_000)
    assert (len(content), "unpacks to more than 1,000,000 bytes" in note) == (1_000_000, True)


def test_a_sitemap_of_100_000_entries_is_cut() -> None:
    sitemap = read_sitemap(urlset(*[b"https://x/%d" % number for number in range(100_000)]))
    assert (len(sitemap.pages), "only its first 50,000" in sitemap.note) == (MOST_ENTRIES, True)


@pytest.mark.parametrize(
    ("language", "shape", "address", "own"),
    [
        ("", "/{}", "/search", "/search"),
        ("en", "/{}", "/en/search", "/search"),
        ("", "/wiki/{}", "/wiki/TracIni?version=3", "/wiki/TracIni"),
        ("", "/report/{}", "/report/4", "/report/{}"),
        ("", "/{}/?sql=/{}", "/shop?sql=select", "/shop/?sql=/{}"),
        ("", "/#/{}", "/#/orders", "/#/orders"),
        ("", "/", "/", "/"),
    ],
)
def test_a_page_that_stands_for_itself_has_its_own_words(language: str, shape: str, address: str, own: str) -> None:
    assert with_own_words(Shape(language, shape), address) == Shape(language, own)


@pytest.mark.parametrize(
    ("address", "bare", "keys"),
    [
        ("/a?y=1&x=2", "/a", ("x", "y")),
        ("/a?x=1#/r", "/a#/r", ("x",)),
        ("/#/orders?sort=name&by=x", "/#/orders", ("by", "sort")),
        ("/a?x=1#/r?y=2", "/a#/r", ("x", "y")),
        ("/a#/r?", "/a#/r", ()),
        ("/a", "/a", ()),
    ],
)
def test_a_route_has_a_query_of_its_own(address: str, bare: str, keys: tuple[str, ...]) -> None:
    assert (without_query(address), query_keys(address)) == (bare, keys)


def test_the_query_of_a_route_varies_like_any_other() -> None:
    shapes = shapes_of(["/?tab=1#/orders", *(f"/#/orders?page={number}" for number in range(9))])
    assert {shape.path for shape in shapes.values()} == {"/#/orders/?tab=/{}", "/#/orders/?page=/{}"}


@pytest.mark.parametrize(
    ("address", "final", "adds"),
    [
        ("/orders", "/orders?sort=name", True),
        ("/#/orders", "/#/orders?sort=name&by=x", True),
        ("/orders?a=1", "/orders?a=1&b=2", True),
        ("/orders", "/orders", True),
        ("/orders?a=1", "/orders?a=2", False),
        ("/orders?a=1", "/orders", False),
        ("/orders", "/login?next=orders", False),
        ("/#/orders", "/#/orders/1?a=1", False),
        ("/orders", "https://elsewhere.example/orders?a=1", False),
    ],
)
def test_what_an_application_adds_to_its_own_address(address: str, final: str, adds: bool) -> None:
    assert adds_to_query(address, final) is adds
