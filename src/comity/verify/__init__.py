"""Verification: does this receipt, ledger or disclosure hold?

For a third party: needs `cryptography` and nothing else beside Python, no server and no trust in whoever runs
one.  It reads every format anew instead of calling the code that wrote it, and answers with facts, each on its
own, never with a bare "verified".
"""

from comity.verify.archive import Archive
from comity.verify.bundle import verify_bundle
from comity.verify.checkpoints import verify_checkpoint, verify_receipt
from comity.verify.closing import MalformedCertificate, read_certificate, verify_certificate
from comity.verify.directory import check_history, verify_directory
from comity.verify.disclosure import (
    DisclosureFile,
    DisclosureVerdict,
    Shown,
    Withheld,
    read_disclosure,
    verify_disclosure,
)
from comity.verify.draw import K, draw_rows, find_draw, seed_of, settle
from comity.verify.edge import FolderCopy, ServerCopy
from comity.verify.errors import MalformedDisclosureFile, MalformedOfferFile, NothingToVerify, VerifyError
from comity.verify.facts import Fact, Verdict
from comity.verify.files import CheckedFiles, LedgerCopy, check_files
from comity.verify.fork import verify_fork
from comity.verify.history import read_entries
from comity.verify.redrawn import Rescore
from comity.verify.rungs import BundleVerdict
from comity.verify.terms import TermsView, read_offer

__all__ = [
    "Archive",
    "BundleVerdict",
    "CheckedFiles",
    "DisclosureFile",
    "DisclosureVerdict",
    "Fact",
    "FolderCopy",
    "K",
    "LedgerCopy",
    "MalformedCertificate",
    "MalformedDisclosureFile",
    "MalformedOfferFile",
    "NothingToVerify",
    "Rescore",
    "ServerCopy",
    "Shown",
    "TermsView",
    "Verdict",
    "VerifyError",
    "Withheld",
    "check_files",
    "check_history",
    "draw_rows",
    "find_draw",
    "read_certificate",
    "read_disclosure",
    "read_entries",
    "read_offer",
    "seed_of",
    "settle",
    "verify_bundle",
    "verify_certificate",
    "verify_checkpoint",
    "verify_directory",
    "verify_disclosure",
    "verify_fork",
    "verify_receipt",
]
