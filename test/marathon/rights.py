#!/usr/bin/python3
"""Takes an account's rights on a container away, and gives them back, in the database of a Samba AD DC that may be running.

    rights.py SMB.CONF take  DN ACCOUNT   the account sees neither the container nor anything below it
    rights.py SMB.CONF give  DN ACCOUNT

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


def main():
    conf, what, dn, account = sys.argv[1:]
    lp = LoadParm()
    lp.load(conf)
    sam = SamDB(session_info=system_session(), lp=lp, url=lp.private_path("sam.ldb"))
    found = sam.search(sam.domain_dn(), ldb.SCOPE_SUBTREE, f"(sAMAccountName={account})", ["objectSid"])
    trustee = ndr_unpack(security.dom_sid, found[0]["objectSid"][0])
    controls = [f"sd_flags:1:{security.SECINFO_DACL}"]
    utils = SDUtils(sam)
    descriptor = utils.read_sd_on_dn(dn, controls=controls)
    if what == "take":
        denial = security.descriptor.from_sddl(f"D:(D;CI;GA;;;{trustee})", security.dom_sid(sam.get_domain_sid()))
        # What denies comes before what allows.
        descriptor.dacl_add(denial.dacl.aces[0], 0)
    elif what == "give":
        # The controller has made two entries of the one, and each call takes one away.
        while any(ace.trustee == trustee for ace in descriptor.dacl.aces):
            descriptor.dacl_del(trustee)
    else:
        sys.exit(__doc__)
    utils.modify_sd_on_dn(dn, descriptor, controls=controls)


main()
