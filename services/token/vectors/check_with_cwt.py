"""Has another library, `cwt` (RFC 8392, RFC 9052), decode the tokens of `outcomes.json`.

It knows neither the claims of the format nor its strictness: what is VALID it must decode to the same claims, and what has a
BAD_SIGNATURE it must refuse, but where only the header names another algorithm than the key has (the library does not compare
them) and where the signature of the device is missing or another trusted key's (it does not know whose it must be). It says how many of each it has seen.
"""
import hashlib
import json
import sys

import cwt
from cwt import COSEKey

from verifier import from_base45

KINDS = {1: "dynamic", 2: "paper", 3: "card", 4: "device"}
# SM2 has no number in the registry of COSE: the library has neither key nor signature of it.
ALGORITHMS = ("ed25519", "es256")
UNKNOWN_TO_IT = ("where the header says", "without the signature of the device", "shown by its issuer")
COLOURS = {0: "green", 1: "yellow", 10: "red"}


def cose_key(key):
    public, kid = bytes.fromhex(key["public"]), bytes.fromhex(key["kid"])
    if key["algorithm"] == "ed25519":
        return COSEKey.new({1: 1, 2: kid, 3: -8, -1: 6, -2: public})
    return COSEKey.new({1: 2, 2: kid, 3: -7, -1: 1, -2: public[1:33], -3: public[33:]})


def main(path):
    with open(path, encoding="utf-8") as file:
        vectors = json.load(file)
    keys = [cose_key(key) for key in vectors["keys"] if key["algorithm"] in ALGORITHMS]
    context = cwt.CWT.new()
    accepted = refused = 0
    for one in vectors["cases"]:
        if "sm2" in one["name"]:
            continue
        if one["outcome"] == "VALID":
            claims = decoded(context, one, keys)
            expected = one["claims"]
            seen = {
                "issuer": claims[1][:2],
                "kind": KINDS[claims[-65001]],
                "colour": COLOURS[claims[-65002]],
                "mask": claims.get(-65003),
                "not_before": claims.get(5, claims[4] - 60),
                "expires_at": claims[4],
                "token_id": claims[7].hex(),
            }
            if "holder_key" in expected:
                seen["holder_key"] = expected["holder_key"]
            if seen != expected:
                sys.exit(f"{one['name']}: {seen} is not {expected}")
            accepted += 1
        elif one["outcome"] == "BAD_SIGNATURE" and not any(word in one["name"] for word in UNKNOWN_TO_IT):
            try:
                decoded(context, one, keys)
            except (cwt.VerifyError, cwt.DecodeError, ValueError):
                refused += 1
            else:
                sys.exit(f"{one['name']}: decoded in spite of its signature")
    print(f"{accepted} decoded, {refused} refused")


def decoded(context, one, keys):
    data = from_base45(one["text"][4:])
    if "holder_key" in one.get("claims", {}):
        point = one["claims"]["holder_key"]
        kid = hashlib.sha256(bytes.fromhex(point)).hexdigest()[:16]
        phone = cose_key({"algorithm": "es256", "public": point, "kid": kid})
        # The signature of the device, and inside it that of the issuer.
        data = context.decode(data, [phone], no_verify=True)[-65004]
    if data[0] == 0x84:
        # The library wants the tag that the format leaves open.
        data = b"\xd2" + data
    # Without the times, which are those of the case and not of today.
    claims = context.decode(data, keys, no_verify=True)
    if "holder_key" in one.get("claims", {}):
        held = claims[8][1]
        if held[-2].hex() != point[2:66] or held[-3] != (int(point, 16) % 2 == 1):
            sys.exit(f"{one['name']}: bound to another key")
    return claims


main(sys.argv[1])
