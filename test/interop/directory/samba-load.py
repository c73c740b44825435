#!/usr/bin/python3
"""Offline work on the database of a provisioned Samba AD DC that is not running.

    samba-load.py SMB.CONF schema  FILE.ldif ...            extends the schema, file by file
    samba-load.py SMB.CONF accounts NAME:PASSWORD:ROLE ...  ROLE: plain, reader (DirSync, deleted objects) or writer
    samba-load.py SMB.CONF users   < users.ldif

Needs the distribution's own interpreter, for which the Samba bindings are built.
"""

import sys

import ldb
from samba.auth import system_session
from samba.dcerpc import security
from samba.ndr import ndr_unpack
from samba.param import LoadParm
from samba.samdb import SamDB
from samba.sd_utils import SDUtils

GET_CHANGES = "1131f6aa-9c07-11d1-f79f-00c04fc2dcd2"  # DS-Replication-Get-Changes


def open_sam(lp, options=()):
    return SamDB(session_info=system_session(), lp=lp, url=lp.private_path("sam.ldb"), options=list(options))


def records(stream):
    """The LDIF records of a stream, one at a time: to parse all at once is slow."""
    lines = []
    for line in stream:
        if line != "\n":
            lines.append(line)
        elif lines:
            yield "".join(lines)
            lines = []
    if lines:
        yield "".join(lines)


def extend_schema(lp, files):
    lp.set("dsdb:schema update allowed", "yes")
    for name in files:
        sam = open_sam(lp)  # a new handle reads the schema anew
        sam.transaction_start()
        with open(name, encoding="utf-8") as stream:
            for record in records(stream):
                sam.modify_ldif(record)
        sam.transaction_commit()


def grant(sam, dn, ace):
    controls = [f"sd_flags:1:{security.SECINFO_DACL}", "show_deleted:1"]
    utils = SDUtils(sam)
    descriptor = utils.read_sd_on_dn(dn, controls=controls)
    sid = security.dom_sid(sam.get_domain_sid())
    descriptor.dacl_add(security.descriptor.from_sddl(f"D:{ace}", sid).dacl.aces[0])
    utils.modify_sd_on_dn(dn, descriptor, controls=controls)


def make_accounts(lp, specs):
    sam = open_sam(lp)
    base = sam.domain_dn()
    for spec in specs:
        name, password, role = spec.split(":")
        sam.newuser(name, password)
        found = sam.search(base, ldb.SCOPE_SUBTREE, f"(sAMAccountName={name})", ["objectSid"])
        sid = ndr_unpack(security.dom_sid, found[0]["objectSid"][0])
        if role == "reader":
            grant(sam, base, f"(OA;;CR;{GET_CHANGES};;{sid})")
            # List and read deleted objects: Samba asks for it even of who may replicate.
            grant(sam, f"CN=Deleted Objects,{base}", f"(A;CI;LCRPRC;;;{sid})")
        elif role == "writer":
            grant(sam, base, f"(A;CI;GA;;;{sid})")


def load_users(lp):
    # Without batch mode each operation copies the index lists that it touches: loading would be quadratic.
    # A long transaction gets slower too, hence the commits.
    sam = open_sam(lp, ["batch_mode:1"])
    sam.transaction_start()
    for count, record in enumerate(records(sys.stdin), 1):
        _, message = next(sam.parse_ldif(record))
        sam.add(message)
        if count % 2000 == 0:
            sam.transaction_commit()
            sam.transaction_start()
    sam.transaction_commit()


def main():
    lp = LoadParm()
    lp.load(sys.argv[1])
    what = sys.argv[2]
    if what == "schema":
        extend_schema(lp, sys.argv[3:])
    elif what == "accounts":
        make_accounts(lp, sys.argv[3:])
    elif what == "users":
        load_users(lp)
    else:
        sys.exit(__doc__)


main()
