"""The console page: what it shows, what a click does, and who may click."""

from html.parser import HTMLParser
from urllib.parse import urlencode

import pytest

from tests.emulator.cloud import Cloud
from tests.emulator.raw import Raw

HOSTILE = '"><script>alert(1)</script>&'


class Page(HTMLParser):
    """Tags, texts and form values of a page."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.forms: list[tuple[str, dict[str, str]]] = []
        self.feed(html.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            assert values["method"] == "post"
            self.forms.append((values["action"], {}))
        elif tag == "input":
            self.forms[-1][1][values["name"]] = values["value"]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def create(cloud: Cloud, name: str = "main") -> str:
    arn: str = cloud.client().create_connection(ConnectionName=name, ProviderType="GitHub")[
        "ConnectionArn"
    ]
    return arn


def click(cloud: Cloud, **headers: str) -> tuple[int, bytes]:
    """Submits the page's first form as a browser would."""
    raw = Raw(cloud)
    action, values = Page(raw.request("GET", "/")[1]).forms[0]
    sent = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    return raw.request("POST", action, urlencode(values).encode(), sent)


def test_the_page_shows_everything_with_a_button_for_what_waits(cloud: Cloud) -> None:
    waiting = create(cloud)
    cloud.control.approve(create(cloud, "done"))
    cloud.client(account="999988887777").create_host(
        Name="theirs", ProviderType="GitLabSelfManaged", ProviderEndpoint="https://h"
    )
    cloud.control.approve("host/theirs", ok=False, message="no route")
    page = Page(Raw(cloud).request("GET", "/?x=y")[1])
    texts = " ".join(page.texts)
    for text in ("1 waiting", "main", "PENDING", "done", "AVAILABLE", "theirs", "no route"):
        assert text in texts
    assert [values["target"] for _, values in page.forms] == [waiting]


def test_an_empty_page_says_so(cloud: Cloud) -> None:
    assert "None." in Page(Raw(cloud).request("GET", "/")[1]).texts


def test_a_click_approves_and_leads_back(cloud: Cloud) -> None:
    arn = create(cloud)
    raw = Raw(cloud)
    status, _ = click(cloud, Origin=f"http://{raw.address}", **{"Sec-Fetch-Site": "same-origin"})
    assert status == 303
    found = cloud.client().get_connection(ConnectionArn=arn)["Connection"]
    assert found["ConnectionStatus"] == "AVAILABLE"


def test_a_click_that_fails_says_why(cloud: Cloud) -> None:
    host = cloud.client().create_host(
        Name="h", ProviderType="GitLabSelfManaged", ProviderEndpoint="https://h"
    )["HostArn"]
    cloud.client().create_connection(ConnectionName="main", HostArn=host)
    status, body = click(cloud)
    assert status == 409
    assert any("is not AVAILABLE yet" in text for text in Page(body).texts)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Host": "evil.example"},
        {"Host": "evil.example", "Origin": "http://evil.example"},
        {"Host": "[::1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_other_sites_may_not_click(headers: dict[str, str], cloud: Cloud) -> None:
    create(cloud)
    status, _ = click(cloud, **headers)
    assert status == 403
    assert len(cloud.control.pending()) == 1


@pytest.mark.parametrize("path", ["/", "/_emulator/pending", "/_emulator/requests"])
def test_pages_of_another_name_read_nothing(path: str, cloud: Cloud) -> None:
    assert Raw(cloud).request("GET", path, headers={"Host": "evil.example"})[0] == 403
    assert Raw(cloud).request("GET", path, headers={"Host": "localhost:1"})[0] == 200


def test_pages_of_another_site_cannot_call_the_api(cloud: Cloud) -> None:
    headers = {"Origin": "http://evil.example", "Host": "evil.example"}
    assert Raw(cloud).request("POST", "/", b"{}", headers)[0] == 403


def test_names_are_text_whatever_they_contain(cloud: Cloud) -> None:
    create(cloud, HOSTILE)
    cloud.control.approve(f"connection/{HOSTILE}", ok=False, message=HOSTILE)
    create(cloud, "second" + HOSTILE[:24])
    raw = Raw(cloud)
    page = Page(raw.request("GET", "/")[1])
    assert "script" not in page.tags
    assert HOSTILE in page.texts
    policy = raw.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert raw.headers["x-content-type-options"] == "nosniff"


def test_head_has_no_body(cloud: Cloud) -> None:
    raw = Raw(cloud)
    status, body = raw.request("HEAD", "/")
    assert (status, body) == (200, b"")
    assert int(raw.headers["content-length"]) > 500


@pytest.mark.parametrize(("method", "status"), [("GET", 405), ("PUT", 405)])
def test_only_a_post_approves(method: str, status: int, cloud: Cloud) -> None:
    assert Raw(cloud).request(method, "/_emulator/console/approve")[0] == status


def test_other_paths_are_the_service_api(cloud: Cloud) -> None:
    status, body = Raw(cloud).request("GET", "/favicon.ico")
    assert (status, b"UnknownOperationException" in body) == (400, True)
