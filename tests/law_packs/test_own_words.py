"""The packs speak in our own words, and link to those who speak in theirs."""

from urllib.parse import urlsplit

from packs_beside_reference import REFERENCE, RUN, all_packs, catalogue, facts, runs, texts, words

OFFICIAL = {
    "ai-act-service-desk.ec.europa.eu",
    "data.europa.eu",
    "digital-strategy.ec.europa.eu",
    "ec.europa.eu",
    "eur-lex.europa.eu",
    "publications.europa.eu",
}
"""Hosts of the Union's institutions, and no others."""


def test_no_text_repeats_the_digest() -> None:
    """Nowhere in a pack do eight words follow each other as they do in what it was written from."""
    facts()
    taken = {run for path in REFERENCE.glob("*") for run in runs(path.read_text(encoding="utf-8"))}

    copied = [f"{place}: {text}" for place, text in texts() if runs(text) & taken]

    assert len(taken) > 10_000
    assert not copied, "\n".join(copied)


def test_no_title_is_the_digests() -> None:
    """A title of a duty is ours even where it is short."""
    theirs = {entry["id"]: words(entry["title"]) for entry in catalogue()}

    same = [
        duty.id
        for pack in all_packs()
        for duty in pack.duties.values()
        if words(duty.title) == theirs.get(duty.id) or words(duty.says) == theirs.get(duty.id)
    ]

    assert not same


def test_a_copied_sentence_would_be_found() -> None:
    """The comparison sees a run of words through case, punctuation and line ends."""
    sentence = "Access to the model, for\nthose who Evaluate it: free of charge and early."

    assert runs(sentence) & runs("access to the model for those who evaluate it")
    assert not runs(" ".join(words(sentence)[: RUN - 1])) & runs(sentence)


def test_every_link_is_an_institutions() -> None:
    """A link leads over https to a host of the Union's institutions; where none was seen there is none."""
    links = {
        link
        for pack in all_packs()
        for link in (
            *(duty.link for duty in pack.duties.values()),
            *(instrument.url for instrument in pack.instruments.values()),
        )
        if link
    }

    strangers = [link for link in links if urlsplit(link).scheme != "https" or urlsplit(link).hostname not in OFFICIAL]

    assert len(links) > 30
    assert not strangers


def test_every_official_host_is_named_by_the_digest() -> None:
    """No host was made up."""
    text = facts()

    assert not [host for host in OFFICIAL if host not in text]


def test_an_article_is_linked_by_its_own_anchor() -> None:
    """Whoever follows the link of an article's duty lands at that article."""
    for pack in all_packs():
        for duty in pack.duties.values():
            if "#art_" in duty.link:
                article = duty.link.rpartition("#art_")[2]
                assert f" {article}" in duty.ref and duty.id.startswith("AIA-"), duty.id
