import datetime as dt
import pytest
from django.test import Client
from django.utils import timezone
from devices.models import *
from devices.models import User
from enrollment import ota, account
from enrollment.account import policy
from enrollment.models import *
from .conftest import *
from .conftest import IPHONE, row
from .test_account_driven import domain, open_way, byod, sign_up, stay_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("device_ca")]

def later(monkeypatch, days):
    real = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() + dt.timedelta(days=days))

def test_forget_ota(make, way, monkeypatch):
    air = EnrollmentProfile.objects.create(name="Over the air", kind="ota")
    device = make(IPHONE)
    device.install(ota.begin(air)[0])
    device.session()
    stay = Enrollment.objects.get()
    assert Challenge.objects.filter(identity__enrollment=stay).exists()
    later(monkeypatch, 31)
    policy.forget()
    assert Challenge.objects.filter(identity__enrollment=stay).exists()

def test_forget_signin(make, byod, person, monkeypatch):
    device = sign_up(make(), person())
    stay = stay_of(device)
    s1 = SignIn.objects.get()
    # came with a token of another sign-in
    s2 = account.begin(byod, s1.user); v = account.issue_token(s2)
    s2.refresh_from_db()
    SessionToken.objects.filter(pk=s2.token_id).update(enrollment=stay)
    SessionToken.objects.filter(pk=s1.token_id).update(enrollment=None)
    later(monkeypatch, 31)
    policy.forget()
    assert Challenge.objects.filter(identity__enrollment=stay).exists()

def test_user_deleted(make, byod, person):
    device = sign_up(make(), person())
    stay = stay_of(device)
    stay.owner.delete()
    assert Challenge.objects.filter(identity__enrollment=stay).exists()

URLS = ["/enroll/{c}/", "/enroll/{c}/profile", "/enroll/{c}/status","/enroll/{c}/account","/enroll/{c}/ota","/enroll/{c}/authenticate","/enroll/{c}/authenticated","/enroll/{c}/oauth/authorize","/enroll/{c}/oauth/token","/.well-known/com.apple.remotemanagement","/enroll/i/x/","/enroll/i/x/profile","/enroll/i/x/status","/enroll/devices/","/enroll/devices/99999999999999999999999999/lock/","/enroll/","/migration","/mdm","/checkin","/mdm/checkin","/mdm/connect","/scep", "/accounts/email/", "/accounts/password/set/","/accounts/password/reset/", "/accounts/3rdparty/", "/accounts/signup/", "/accounts/3rdparty/signup/", "/accounts/saml/x/acs/","/accounts/saml/x/login/","/accounts/saml/x/sls/","/accounts/saml/x/metadata/","/accounts/oidc/x/login/","/accounts/oidc/x/login/callback/"]
BAD = [b"", b"\0", b"{}", b"\xff"*100, b"a=b&a=c", b"grant_type=authorization_code&code=x&client_id=apple-device", b"grant_type=refresh_token&refresh_token=x&client_id=apple-device", b"grant_type=\0&code=%00"]
UA = "Mozilla iPhone OS " + "9"*5000 + "_0 Version/1 Safari/"
QUERIES = ["", "user-identifier=a%00@b.cd&model-family=%00", "response_type=code&client_id=apple-device&redirect_uri=apple-remotemanagement-user-login:/oauth2/redirection&state=%00&code_challenge=" + "x"*500 + "&code_challenge_method=S256", "on=%00", "next=//evil.example", "message=%00&operation=PKIOperation", "client_id=apple-device&client_id=b", "user-identifier=" + "a"*3000 + "@b.cd", "user-identifier=%ff%fe@b.cd"]

@pytest.mark.parametrize("kind", ["profile", "ota", "byod", "adde"])
def test_malformed(way, kind, db):
    w = EnrollmentProfile.objects.create(name=kind, kind=kind)
    bad = []
    User.objects.create_user("bob", password="x")
    for signed in (False, True):
      c = Client(raise_request_exception=False)
      for url in URLS:
        u = url.format(c=w.code)
        for q in QUERIES:
            for h in ({}, {"User-Agent": UA}, {"Cookie": 'enrolling="\\000"'}, {"Authorization": "Bearer \u00ff"}, {"Authorization": "Basic ////"}):
                for m, b, ct in [("GET", b"", ""), *((m, b, ct) for m in ("POST", "PUT") for b in BAD[:3 if h else None] for ct in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/octet-stream"))][: None if not q and not h else 4]:
                    if signed: c.force_login(User.objects.get(username="bob"), backend="django.contrib.auth.backends.ModelBackend") if not c.cookies.get("sessionid") else None
                    r = c.generic(m, u + "?" + q, b, content_type=ct, headers=h)
                    if r.status_code >= 500 and r.status_code!=503 or r.status_code == 401 and "/migration" not in u:
                        bad.append((m, u, q[:60], str(h)[:40], b[:60], ct, r.status_code))
    print(len(bad)); print(*bad[:30], sep="\n")
    assert not bad
