"""The web view: it signs in on the pages of any identity provider, or says why not."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from mdmportal.simulator import page as pages
from mdmportal.simulator.errors import SignInFailed
from mdmportal.simulator.person import Person
from mdmportal.simulator.transport import Unreachable
from mdmportal.simulator.webview import WebView

from .small_portal import (
    AUTHENTICATED,
    Asked,
    Reply,
    SmallPortal,
    html,
    profile,
    redirect,
    running,
)

ADA = Person("ada", "lovelace", "ada@example.com", provider="Example ID")
END = f"{AUTHENTICATED}?access-token=abc"


@pytest.fixture
def portal() -> Iterator[SmallPortal]:
    with running() as server:
        yield server


@pytest.fixture
def provider() -> Iterator[SmallPortal]:
    with running() as server:
        yield server


def view(**options: object) -> WebView:
    return WebView(Person("ada", "lovelace", "ada@example.com"), **options)  # type: ignore[arg-type]


def form(*fields: str, action: str = "", button: str = "<button>Go</button>") -> Reply:
    joined = "".join(fields)
    return html(f'<form method="post" action="{action}">{joined}{button}</form>')


def hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{value}">'


PASSWORD = '<input type="password" name="password">'


# Forms


def test_a_login_with_a_csrf_token_is_filled_in(portal: SmallPortal) -> None:
    """As Django and allauth have it."""

    def login(asked: Asked) -> Reply:
        if asked.method == "POST":
            assert asked.headers["cookie"] == "csrftoken=secret"
            return redirect(END, 308)
        token = hidden("csrfmiddlewaretoken", "masked")
        shown = form(token, '<input name="login" required>', PASSWORD)
        cookie = ("Set-Cookie", "csrftoken=secret; Path=/; SameSite=Lax")
        return Reply(200, shown.body, shown.media_type, (cookie,))

    portal.routes["/login"] = login
    assert view().sign_in(f"{portal.url}/login") == END
    assert portal.asked[-1].form == {
        "csrfmiddlewaretoken": "masked",
        "login": "ada",
        "password": "lovelace",
    }
    origin = portal.asked[-1].headers["origin"]
    assert origin == portal.url


def test_an_openid_provider_is_walked_through_to_its_consent(
    portal: SmallPortal, provider: SmallPortal
) -> None:
    """As the npm package oidc-provider shows it while developing."""
    portal.says(
        "/begin",
        html('<a href="/settings">Settings</a> <a href="/sso">With Example ID</a>'),
    )
    portal.says("/sso", redirect(f"{provider.url}/auth?scope=openid"))
    session = ("Set-Cookie", "_interaction=1; path=/interaction/1; httponly")
    provider.says("/auth", redirect("/interaction/1", 303, session))
    stage = iter(
        [
            form(
                hidden("prompt", "login"),
                '<input required type="text" name="login" placeholder="Any login">',
                '<input required type="password" name="password">',
                action="/interaction/1/login",
                button='<button type="submit" class="login">Sign-in</button>',
            ),
            form(
                hidden("prompt", "consent"),
                action="/interaction/1/confirm",
                button='<button autofocus type="submit">Continue</button>',
            ),
        ]
    )
    provider.routes["/interaction/1"] = lambda asked: next(stage)
    provider.says("/interaction/1/login", redirect("/interaction/1", 303))
    back = redirect(f"{portal.url}/callback?code=1", 303)
    provider.says("/interaction/1/confirm", back)
    portal.says("/callback", redirect(END, 308))
    assert WebView(ADA).sign_in(f"{portal.url}/begin") == END
    [login] = provider.asked_at("/interaction/1/login")
    assert login.form == {"prompt": "login", "login": "ada", "password": "lovelace"}
    assert login.headers["cookie"] == "_interaction=1"
    assert not portal.asked_at("/settings")


def test_a_saml_answer_is_posted_to_the_other_site_without_its_lax_cookies(
    portal: SmallPortal, provider: SmallPortal
) -> None:
    def begin(asked: Asked) -> Reply:
        cookies = (
            ("Set-Cookie", "sessionid=lax; SameSite=Lax"),
            ("Set-Cookie", "strict=yes; SameSite=Strict"),
            ("Set-Cookie", "saml=none; samesite=none"),
        )
        return redirect(f"{provider.url}/sso?SAMLRequest=abc", 302, *cookies)

    portal.routes["/begin"] = begin
    provider.says("/sso", form('<input name="user">', PASSWORD, action="/sso/login"))
    acs = f"{portal.url}/acs"
    button = '<noscript><input type="submit" value="Continue"></noscript>'
    answer = (hidden("SAMLResponse", "PHg+"), hidden("RelayState", "r&amp;s"))
    provider.says("/sso/login", form(*answer, action=acs, button=button))
    portal.says("/acs", redirect("/finish", 303))
    portal.says("/finish", redirect(END, 308))
    assert view().sign_in(f"{portal.url}/begin") == END
    [posted] = portal.asked_at("/acs")
    assert posted.form == {"SAMLResponse": "PHg+", "RelayState": "r&s"}
    assert posted.headers["cookie"] == "saml=none"
    assert posted.headers["origin"] == provider.url
    [finish] = portal.asked_at("/finish")
    assert "sessionid=lax" in finish.headers["cookie"]
    assert "strict=yes" not in finish.headers["cookie"]


def test_the_form_with_the_password_is_preferred(portal: SmallPortal) -> None:
    others = (
        f'<form method="post" action="/language">{hidden("language", "de")}</form>'
        '<form action="/search"><input name="q"></form>'
    )
    login = f'<form method="post" action="/login"><input name="email">{PASSWORD}</form>'
    portal.says("/begin", html(others + login))
    portal.says("/login", redirect(END))
    assert view().sign_in(f"{portal.url}/begin") == END
    assert portal.asked[-1].form["email"] == "ada@example.com"


def test_who_one_is_may_be_asked_first(portal: SmallPortal) -> None:
    portal.says("/begin", form('<input type="email" name="who">', action="/password"))
    portal.says(
        "/password",
        form('<input name="user" value="ada" readonly>', PASSWORD, action="/end"),
    )
    portal.says("/end", redirect(END))
    assert view().sign_in(f"{portal.url}/begin") == END
    assert portal.asked_at("/password")[0].form == {"who": "ada@example.com"}
    assert portal.asked_at("/end")[0].form == {"user": "ada", "password": "lovelace"}


def test_a_consent_is_given_not_denied(portal: SmallPortal) -> None:
    buttons = (
        '<button name="action" value="deny">Deny</button>'
        '<button name="action" value="grant">Allow</button>'
    )
    scope = '<input type="checkbox" name="scope" value="mail" checked>'
    unchecked = '<input type="checkbox" name="scope" value="all">'
    portal.says("/begin", form(scope, unchecked, action="/end", button=buttons))
    portal.says("/end", redirect(END))
    assert view().sign_in(f"{portal.url}/begin") == END
    assert portal.asked[-1].form == {"scope": "mail", "action": "grant"}


def test_one_does_not_sign_out_by_mistake(portal: SmallPortal) -> None:
    out = form(hidden("csrf", "1"), action="/out", button="<button>Log out</button>")
    portal.says("/begin", out)
    with pytest.raises(SignInFailed, match="no way on"):
        view().sign_in(f"{portal.url}/begin")


def test_addresses_are_read_against_the_base(portal: SmallPortal) -> None:
    login = f'<form method="post" action="login"><input name="user">{PASSWORD}</form>'
    portal.says("/begin", html(f'<base href="/deep/er/">{login}'))
    portal.says("/deep/er/login", redirect("../end"))
    portal.says("/deep/end", redirect(END))
    assert view().sign_in(f"{portal.url}/begin") == END


def test_a_page_may_send_one_on_by_itself(portal: SmallPortal) -> None:
    portal.says("/begin", html('<meta http-equiv="refresh" content="0; url=end">'))
    portal.says("/end", redirect(END))
    assert view().sign_in(f"{portal.url}/begin") == END


@pytest.mark.parametrize(
    ("status", "method"),
    [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")],
)
def test_a_redirect_keeps_the_method_or_not(
    portal: SmallPortal, status: int, method: str
) -> None:
    portal.says("/begin", form('<input name="user">', PASSWORD, action="/login"))
    portal.says("/login", redirect("/end", status))
    portal.says("/end", redirect(END))
    view().sign_in(f"{portal.url}/begin")
    [end] = portal.asked_at("/end")
    assert end.method == method
    assert bool(end.body) is (method == "POST")


def test_cookies_of_two_ports_are_those_of_two_hosts(
    portal: SmallPortal, provider: SmallPortal
) -> None:
    mine = redirect(f"{provider.url}/sso", 302, ("Set-Cookie", "sessionid=portal"))
    portal.says("/begin", mine)
    theirs = redirect(f"{portal.url}/end", 302, ("Set-Cookie", "sessionid=provider"))
    provider.says("/sso", theirs)
    portal.says("/end", redirect(END))
    view().sign_in(f"{portal.url}/begin")
    assert "cookie" not in provider.asked[0].headers
    assert portal.asked_at("/end")[0].headers["cookie"] == "sessionid=portal"


# Where it does not end well


def test_a_wrong_password_ends_with_what_the_page_says(portal: SmallPortal) -> None:
    portal.offers_account()
    wrong = WebView(Person("ada", "wrong"))
    with pytest.raises(SignInFailed, match="Wrong password") as failure:
        wrong.sign_in(f"{portal.url}/authenticate")
    assert failure.value.status == 200
    assert len(portal.asked) == 2


def test_an_error_ends_with_its_status_and_text(portal: SmallPortal) -> None:
    shown = "<style>p {}</style><h1>Not you</h1><p>Ask your administrator.</p>"
    page = html(shown)
    portal.says("/begin", Reply(403, page.body, page.media_type))
    with pytest.raises(SignInFailed) as failure:
        view().sign_in(f"{portal.url}/begin?user-identifier=ada")
    assert failure.value.status == 403
    assert failure.value.text == "Not you Ask your administrator."
    assert failure.value.url == f"{portal.url}/begin"


def test_going_round_in_circles_ends(portal: SmallPortal) -> None:
    portal.says("/begin", redirect("/begin"))
    with pytest.raises(SignInFailed, match="steps"):
        view().sign_in(f"{portal.url}/begin")


def test_a_redirect_to_nowhere_is_an_error(portal: SmallPortal) -> None:
    portal.says("/begin", Reply(302))
    with pytest.raises(SignInFailed, match="302"):
        view().sign_in(f"{portal.url}/begin")


def test_a_server_that_is_away_is_unreachable() -> None:
    with pytest.raises(Unreachable):
        view().sign_in("http://127.0.0.1:1/")


# Pages and profiles


def test_a_profile_is_fetched_by_what_is_pressed(portal: SmallPortal) -> None:
    def way(asked: Asked) -> Reply:
        if "cookie" not in asked.headers:
            return redirect(f"/login?next={quote(asked.path)}")
        lock = f'<form method="post" action="/lock">{hidden("csrf", "1")}</form>'
        return html(f'{lock}<a href="/way/profile">Download the profile</a>')

    portal.routes["/way"] = way
    portal.says("/login", form('<input name="user">', PASSWORD, action="/in"))
    portal.says("/in", redirect("/way", 302, ("Set-Cookie", "sessionid=1")))
    portal.says("/way/profile", profile(b"<plist/>"))
    browser = view(press=["download"])
    assert browser.download(f"{portal.url}/way") == b"<plist/>"
    assert not portal.asked_at("/lock")
    assert browser.download(f"{portal.url}/way") == b"<plist/>"  # still signed in
    assert len(portal.asked_at("/in")) == 1
    with pytest.raises(SignInFailed, match="no profile"):
        view().download(f"{portal.url}/way")


def test_a_page_is_seen_after_signing_in_and_nothing_is_pressed_there(
    portal: SmallPortal,
) -> None:
    lock = f'<form method="post" action="/lock">{hidden("csrf", "1")}</form>'
    portal.says("/mine", html(f"<h1>My devices</h1>{lock}"))
    seen = view().browse(f"{portal.url}/mine")
    assert seen.title == "Page"
    assert seen.text == "My devices"
    assert not portal.asked_at("/lock")


def test_an_address_for_the_device_is_neither_page_nor_profile(
    portal: SmallPortal,
) -> None:
    portal.says("/begin", redirect(END))
    for visit in (view().browse, view().download):
        with pytest.raises(SignInFailed) as failure:
            visit(f"{portal.url}/begin")
        assert "abc" not in str(failure.value)


def test_a_page_is_read_as_it_is_shown() -> None:
    read = pages.read(
        "https://example.com/a/",
        """<title> Hello </title><script>no()</script>
        <form id=f action=go method=POST><select name=s><option value=1>1
        <option value=2 selected>2</select><textarea name=t>x &amp; y</textarea>
        <input name=off disabled><input type=radio name=r value=1>
        <input type=radio name=r value=2 checked></form>
        <input form=f name=late value=z><button form=f name=b value=v>Send <i>it</i>
        </button><a href=../b>To <img alt=B></a>""",
    )
    [form_] = read.forms
    assert (form_.action, form_.method) == ("https://example.com/a/go", "POST")
    sent = {one.name: one.value for one in form_.fields if one.is_sent}
    assert sent == {"s": "2", "t": "x & y", "r": "2", "late": "z"}
    assert [button.text for button in form_.buttons] == ["Send it"]
    assert [(one.text, one.url) for one in read.links] == [
        ("To B", "https://example.com/b")
    ]
    assert read.title == "Hello"
    assert "no()" not in read.text
