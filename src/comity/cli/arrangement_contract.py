"""`comity arrangement contract`: the pages that people read and sign."""

from hashlib import sha256
from pathlib import Path

import click

from comity.arrangement.contract_pdf import render_contract
from comity.cli.arrangement_files import FILE, JSON, load_terms
from comity.cli.cases import refusing, say, write_file

__all__ = ["contract"]


@click.command()
@click.argument("file", type=FILE)
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="Where the PDF goes.")
@JSON
def contract(file: Path, out: Path, as_json: bool) -> None:
    """Write terms as a contract in PDF/A, the same bytes for the same terms.

    Every page bears the id, the version and the digest of the terms. Whoever signs
    the file with a certificate signs these bytes: `comity arrangement sign --with`
    checks such a signature.
    """
    with refusing():
        terms, _ = load_terms(file)
        made = render_contract(terms)
        write_file(out, made)
    digest = sha256(made).hexdigest()
    members = {"arrangement": terms.id, "version": terms.version, "digest": terms.digest, "pdf": digest}
    text = f"contract of version {terms.version}, digest {terms.digest}: {out} (sha256 {digest})"
    say(as_json, {**members, "out": str(out)}, text)
