import pytest
from tests.factories import *
from accounts.roles import Job
@pytest.mark.parametrize("who", ["supplier","asset_provider","dcc"])
def test_smoke(who, request, supplier, asset_provider, dcc, sign_in):
    org = request.getfixturevalue(who)
    d = make_device("ZEPH","ZMAP"); h = make_hub("ZEPH")
    make_device("ZPG", None, device_type="GSME", msn="")
    b = sign_in(org, Job.ADMINISTRATOR)
    for path in ["/","/devices/","/devices/?msn=XX","/devices/?msn=%C3%A9","/devices/?device_type=ESME&installed_from=1/1/2020",f"/devices/{d.device_id}/",f"/devices/{h.device_id}/",f"/devices/{d.device_id}/edit/",f"/devices/{d.device_id}/blank-map-id/","/devices/to-do/msn/","/devices/to-do/map-id/","/devices/to-do/duplicate-msn/","/reports/","/reports/map-portfolio/","/organisation/members/","/participants/","/participants/?name=ze","/who-may-do-what/","/data-items/","/help/","/privacy/","/accessibility/","/open-questions/","/devices/?map_id=ZMAP","/nope/","/accounts/acting/","/health/live","/health/ready","/accounts/login/", "/accounts/password/reset/"]:
        r = b.get(path)
        print(who, r.status_code, path, len(getattr(r,'content',b'')))
    for path in ["/devices/download/","/reports/map-portfolio/download/?format=csv"]:
        r = b.get(path); print(who, r.status_code, path, r.headers)
        if r.streaming: print(b"".join(r.streaming_content).decode())
