"""Every address of the portal. A test walks this list and fails on a page that its table does not name."""

from django.urls import include, path, register_converter
from django.views.i18n import set_language

from comity.portal.rooms import (
    access,
    acting,
    arrivals,
    calls,
    case_file,
    closing,
    engagement,
    entering,
    files,
    negotiating,
    opening,
    people,
    plans,
    portfolio,
    public,
    terms,
)

__all__ = ["Hex32", "urlpatterns"]

handler404 = "comity.portal.rooms.refusals.not_found"
handler403 = "comity.portal.rooms.refusals.denied"
handler400 = "comity.portal.rooms.refusals.malformed"
handler500 = "comity.portal.rooms.refusals.failed"


class Hex32:
    """An id of 128 bits, as 32 lower-case digits."""

    regex = "[0-9a-f]{32}"

    def to_python(self, value: str) -> str:
        """The id itself."""
        return value

    def to_url(self, value: str) -> str:
        """The id itself."""
        return value


register_converter(Hex32, "hex32")

urlpatterns = [
    path("", portfolio.portfolio, name="portfolio"),
    path("inbox/", portfolio.inbox, name="inbox"),
    path("open/", opening.open_case, name="open_case"),
    path("open/<hex32:engagement>/", opening.opened, name="opened"),
    path("deliver/", arrivals.deliver, name="deliver"),
    path("case/<hex32:engagement>/", engagement.overview, name="case"),
    path("case/<hex32:engagement>/timeline/", engagement.timeline, name="timeline"),
    path("case/<hex32:engagement>/entry/<int:index>/", engagement.entry, name="entry"),
    path("case/<hex32:engagement>/adequacy/", engagement.adequacy, name="adequacy"),
    path("case/<hex32:engagement>/duties/", engagement.duties, name="duties"),
    path("case/<hex32:engagement>/clocks/", engagement.clocks, name="clocks"),
    path("case/<hex32:engagement>/file/", case_file.case_file, name="case_file"),
    path("case/<hex32:engagement>/acts/", acting.acts, name="acts"),
    path("case/<hex32:engagement>/acts/<slug:name>/", acting.act, name="act"),
    path("case/<hex32:engagement>/findings/<hex32:finding>/", engagement.finding, name="finding"),
    path("case/<hex32:engagement>/documentation/", engagement.documentation, name="documentation"),
    path("case/<hex32:engagement>/access/<hex32:arrangement>/runs/<hex32:run>/", access.run, name="run"),
    path("case/<hex32:engagement>/access/<hex32:arrangement>/runs/<hex32:run>/calls/", calls.calls, name="calls"),
    path("case/<hex32:engagement>/access/<hex32:arrangement>/calls/<int:index>/", calls.call, name="call"),
    path(
        "case/<hex32:engagement>/access/<hex32:arrangement>/calls/<int:index>/<slug:part>/", calls.sealed, name="sealed"
    ),
    path("case/<hex32:engagement>/access/<hex32:arrangement>/closing/", closing.closing, name="closing"),
    path(
        "case/<hex32:engagement>/access/<hex32:arrangement>/closing/certificate/", closing.certificate_file,
        name="certificate",
    ),
    path("case/<hex32:engagement>/access/<hex32:arrangement>/plans/", plans.plans, name="plans"),
    path("case/<hex32:engagement>/terms/receive/", arrivals.receive, name="terms_receive"),
    path("case/<hex32:engagement>/terms/offer/", negotiating.offer_terms, name="terms_offer"),
    path("case/<hex32:engagement>/terms/<hex32:arrangement>/", terms.terms, name="terms"),
    path("case/<hex32:engagement>/terms/<hex32:arrangement>/file/", terms.terms_file, name="terms_file"),
    path("case/<hex32:engagement>/terms/<hex32:arrangement>/sign/", terms.sign, name="terms_sign"),
    path("case/<hex32:engagement>/terms/<hex32:arrangement>/send/", arrivals.send, name="terms_send"),
    path(
        "case/<hex32:engagement>/terms/<hex32:arrangement>/counter/", negotiating.counter_terms, name="terms_counter"
    ),
    path("case/<hex32:engagement>/access/<hex32:arrangement>/", access.access, name="access"),
    path("case/<hex32:engagement>/access/<hex32:arrangement>/stand/", access.stand, name="access_stand"),
    path(
        "case/<hex32:engagement>/access/<hex32:arrangement>/<slug:door>/", access.act_on_access, name="access_act"
    ),
    path("register/", public.register, name="register"),
    path("register/<hex32:engagement>/", public.register_case, name="register_case"),
    path("people/", people.people, name="people"),
    path("people/<str:username>/", people.person, name="person"),
    path("verify.html", files.checking_page, name="checking_page"),
    path("accessibility/", public.accessibility, name="accessibility"),
    path("enter/<str:secret>/", entering.enter, name="enter"),
    path("language/", set_language, name="language"),
    path("static/<path:name>", files.static_file, name="static"),
    path("accounts/", include("allauth.urls")),
]
