"""Makes `outcomes.json`: tokens, good and wrong, each with the outcome that every verifier must answer. See SOURCE.md.

Everything here is written from the text of the format, with libraries that the product does not use. The outcome of each
case is stated by hand where the case is named, and computed by `verifier.py` besides: both must agree.
"""
import hashlib
import json

import cbor2
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

import sm2
import verifier
from verifier import base45

NOW = 1_650_000_000
DAY = 86_400
ORDER_ED25519 = 2**252 + 27742317777372353535851937790883648493
ORDER_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class Key:
    """A test key; its secret is the hash of its name."""

    def __init__(self, name, algorithm, issuers=("37",), not_before=NOW - DAY, not_after=None, revoked_at=None):
        self.name, self.algorithm = name, algorithm
        self.issuers, self.not_before = list(issuers), not_before
        self.not_after, self.revoked_at = not_after, revoked_at
        seed = hashlib.sha256(f"lutong test key {name}".encode()).digest()
        if algorithm == "ed25519":
            self.alg, self.secret = -8, ed25519.Ed25519PrivateKey.from_private_bytes(seed)
            self.public = self.secret.public_key().public_bytes(
                serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        elif algorithm == "sm2":
            self.alg, self.secret = -65537, int.from_bytes(seed, "big") % sm2.ORDER
            self.public = sm2.public_of(self.secret)
        else:
            self.alg = -7
            self.secret = ec.derive_private_key(int.from_bytes(seed, "big") % ORDER_P256, ec.SECP256R1())
            self.public = self.secret.public_key().public_bytes(
                serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        self.kid = hashlib.sha256(self.public).digest()[:8]

    def sign(self, message):
        if self.algorithm == "ed25519":
            return self.secret.sign(message)
        if self.algorithm == "sm2":
            return sm2.sign(self.secret, message)
        r, s = decode_dss_signature(self.secret.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def listed(self):
        return {
            "name": self.name,
            "algorithm": self.algorithm,
            "kid": self.kid.hex(),
            "public": self.public.hex(),
            "issuers": self.issuers,
            "not_before": self.not_before,
            "not_after": self.not_after,
            "revoked_at": self.revoked_at,
        }


ED = Key("ed25519", "ed25519")
ES = Key("es256", "es256")
SM = Key("sm2", "sm2")
JIANGSU = Key("jiangsu", "ed25519", issuers=("32",))
BOTH = Key("shandong and jiangsu", "ed25519", issuers=("37", "32"))
RETIRED = Key("retired", "ed25519", not_after=NOW + 1_000)
YOUNG = Key("young", "ed25519", not_before=NOW + 1_000)
REVOKED = Key("revoked", "ed25519", revoked_at=NOW + 10)
# Of telephones: nobody trusts them.
PHONE = Key("phone", "es256")
OTHER_PHONE = Key("other phone", "es256")
UNKNOWN = Key("unknown", "ed25519")
LISTED = [ED, ES, SM, JIANGSU, BOTH, RETIRED, YOUNG, REVOKED]

CASES = []


def case(name, text, outcome=None, now=NOW, **accepts):
    """A case; without an outcome, the independent verifier says it."""
    computed = verifier.verify(text, LISTED_KEYS, now, accepts.get("kinds"), accepts.get("issuers"))
    if outcome is not None and computed["outcome"] != outcome:
        raise SystemExit(f"{name}: {outcome} by hand, {computed} computed")
    CASES.append({"name": name, "text": text, "now": now, **accepts, **computed})


LISTED_KEYS = [key.listed() for key in LISTED]


def claims(kind="dynamic", **changed):
    """Claims of a good token; `without` leaves some out."""
    number, life, length = {
        "dynamic": (1, 60, 24), "paper": (2, 14 * DAY, 16), "card": (3, 365 * DAY, 16), "device": (4, DAY, 16),
    }[kind]
    made = {1: "37", 4: NOW + life}
    if kind != "dynamic":
        made[5] = NOW
    if kind == "device":
        made[8] = confirmation(PHONE)
    made.update({7: bytes(range(length)), -65001: number, -65002: 0, -65003: "*明"})
    made.update(changed.get("set", {}))
    for claim in changed.get("without", ()):
        del made[claim]
    return dict(sorted(made.items(), key=lambda one: cbor2.dumps(one[0])))


def confirmation(key):
    """Claim 8 with a key of P-256."""
    return {1: {1: 2, -1: 1, -2: key.public[1:33], -3: key.public[64] % 2 == 1}}


def presented(made, key=PHONE, signer=ED, at=NOW, **changed):
    """What a telephone shows for a minute: a token that is bound to it, under its own signature."""
    payload = changed.get("payload") or cbor2.dumps({4: at + 60, -65004: whole_of(made, signer)})
    return envelope(signed(key, payload, changed.get("header")))


def protected(key, alg=None, kid=None):
    return cbor2.dumps({1: key.alg if alg is None else alg, 4: key.kid if kid is None else kid})


def signed(key, payload, header=None):
    """The four parts of the envelope."""
    header = protected(key) if header is None else header
    signature = key.sign(cbor2.dumps(["Signature1", header, b"", payload]))
    return [header, {}, payload, signature]


def text_of(data):
    return "LT1:" + base45(data)


def envelope(parts, tag=18):
    return text_of(cbor2.dumps(cbor2.CBORTag(tag, parts) if tag is not None else parts))


def whole_of(made, key=ED):
    return cbor2.dumps(cbor2.CBORTag(18, signed(key, cbor2.dumps(made))))


def token(made, key=ED):
    return text_of(whole_of(made, key))


def raw_payload(name, payload, outcome="UNREADABLE"):
    """A payload of exactly these bytes, well signed."""
    case(name, envelope(signed(ED, payload)), outcome)


def good():
    for key in (ED, ES, SM):
        for kind in ("dynamic", "paper", "card"):
            for colour, word in ((0, "green"), (1, "yellow"), (10, "red")):
                case(f"{kind}, {word}, {key.name}", token(claims(kind, set={-65002: colour}), key), "VALID")
            case(f"{kind} without a mask, {key.name}", token(claims(kind, without=[-65003]), key), "VALID")
            case(f"{kind} of 370000, {key.name}", token(claims(kind, set={1: "370000"}), key), "VALID")
    for mask in ("*𠮷", "*·", "*A", "A*", "明", "*ʼ", "'*"):
        case(f"mask {mask}", token(claims(set={-65003: mask})), "VALID")
    case("dynamic id of 32 bytes", token(claims(set={7: bytes(32)})), "VALID")
    case("dynamic token of a partner with claim 5", token(claims(set={5: NOW}), BOTH), "VALID")
    case("claims that the format does not define", token(claims(set={6: NOW, -65010: [1, {"a": None}]})), "VALID")
    case("untagged envelope", envelope(signed(ED, cbor2.dumps(claims())), tag=None), "VALID")
    case("key of two provinces signs for the other", token(claims(set={1: "32"}), BOTH), "VALID")


def times():
    dynamic, paper = token(claims()), token(claims("paper"))
    case("dynamic, 30 s before it begins", dynamic, "VALID", now=NOW - 30)
    case("dynamic, 31 s before it begins", dynamic, "NOT_YET_VALID", now=NOW - 31)
    case("dynamic, an hour before it begins", dynamic, "NOT_YET_VALID", now=NOW - 3_600)
    case("dynamic, 29 s after its end", dynamic, "VALID", now=NOW + 89)
    case("dynamic, 30 s after its end", dynamic, "EXPIRED", now=NOW + 90)
    case("dynamic, replayed an hour later", dynamic, "EXPIRED", now=NOW + 3_600)
    case("paper, on its last day", paper, "VALID", now=NOW + 14 * DAY - 1)
    case("paper, 30 s after its end", paper, "EXPIRED", now=NOW + 14 * DAY + 30)
    case("card, a year later", token(claims("card")), "EXPIRED", now=NOW + 366 * DAY)
    case("times at the end of the range", token(claims("paper", set={4: 2**32 - 1})), "VALID", now=NOW + DAY)
    for name, end in (("equal to the beginning", NOW), ("before the beginning", NOW - 1)):
        case(f"paper that ends {name}", token(claims("paper", set={4: end})), "UNREADABLE")
    case("dynamic that begins after its end", token(claims(set={5: NOW + 61})), "UNREADABLE")
    case("dynamic that ends in the first minute of 1970", token(claims(set={4: 59})), "UNREADABLE")


def trust():
    case("key that nobody knows", token(claims(), UNKNOWN), "WRONG_KEY")
    case("known key under the kid of another", envelope(signed(ED, cbor2.dumps(claims()), protected(ED, kid=BOTH.kid))),
         "BAD_SIGNATURE")
    case("unknown kid over a known key", envelope(signed(ED, cbor2.dumps(claims()), protected(ED, kid=bytes(8)))),
         "WRONG_KEY")
    case("key of another province", token(claims(), JIANGSU), "WRONG_ISSUER")
    case("province that its key may not sign for", token(claims(set={1: "32"})), "WRONG_ISSUER")
    case("province that is not accepted here", token(claims(set={1: "32"}), BOTH), "WRONG_ISSUER", issuers=["37"])
    case("province that is accepted here", token(claims(set={1: "32"}), BOTH), "VALID", issuers=["32"])
    for kind in ("dynamic", "paper", "card"):
        for accepted in ("dynamic", "paper", "card"):
            case(f"{kind} where {accepted} is accepted", token(claims(kind)),
                 "VALID" if kind == accepted else "WRONG_KIND", kinds=[accepted])
    case("retired key, before its end", token(claims("paper"), RETIRED), "VALID", now=NOW + 1_029)
    case("retired key, after its end", token(claims("paper"), RETIRED), "WRONG_KEY", now=NOW + 1_030)
    case("token older than its key", token(claims("paper"), YOUNG), "WRONG_KEY", now=NOW + 2_000)
    younger = claims("paper", set={5: NOW + 970, 4: NOW + DAY})
    case("token as old as its key, with tolerance", token(younger, YOUNG), "VALID", now=NOW + 2_000)
    case("key before its revocation", token(claims("paper"), REVOKED), "VALID", now=NOW + 9)
    case("revoked key, what it signed before", token(claims("paper"), REVOKED), "REVOKED", now=NOW + 10)
    case("revoked key for another province", token(claims(set={1: "32"}), REVOKED), "REVOKED", now=NOW + 10)


def signatures():
    for key in (ED, ES, SM):
        header, empty, payload, signature = signed(key, cbor2.dumps(claims()), None)
        other = signed(key, cbor2.dumps(claims(set={-65002: 10})))[3]
        wrong = {
            "of other claims": other,
            "of nothing but zeros": bytes(64),
            "of nothing but ones": b"\xff" * 64,
            "with its halves exchanged": signature[32:] + signature[:32],
            "reversed": signature[::-1],
            "of the payload alone": key.sign(payload),
            "for another context": key.sign(cbor2.dumps(["Signature", header, b"", payload])),
            "with external data": key.sign(cbor2.dumps(["Signature1", header, b"lutong key list 1", payload])),
            "without the protected header": key.sign(cbor2.dumps(["Signature1", b"", b"", payload])),
        }
        for name, made in wrong.items():
            case(f"signature {name}, {key.name}", envelope([header, empty, payload, made]), "BAD_SIGNATURE")
        for length in (0, 1, 63, 65, 128):
            made = (signature * 2)[:length]
            case(f"signature of {length} bytes, {key.name}", envelope([header, empty, payload, made]), "UNREADABLE")
    header, empty, payload, signature = signed(ED, cbor2.dumps(claims()))
    s = int.from_bytes(signature[32:], "little") + ORDER_ED25519
    case("Ed25519 signature with S not reduced", envelope([header, empty, payload, signature[:32] + s.to_bytes(32, "little")]),
         "BAD_SIGNATURE")
    header, empty, payload, signature = signed(ES, cbor2.dumps(claims()))
    r, s = (int.from_bytes(signature[part], "big") for part in (slice(0, 32), slice(32, 64)))
    case("ES256 signature in DER", envelope([header, empty, payload, encode_dss_signature(r, s)]), "UNREADABLE")
    for name, (r, s) in {"r zero": (0, s), "s zero": (r, 0), "s equal to the order": (r, ORDER_P256)}.items():
        case(f"ES256 signature with {name}", envelope([header, empty, payload, r.to_bytes(32, "big") + s.to_bytes(32, "big")]),
             "BAD_SIGNATURE")
    header, empty, payload, signature = signed(SM, cbor2.dumps(claims()))
    r, s = (int.from_bytes(signature[part], "big") for part in (slice(0, 32), slice(32, 64)))
    numbers = {"r zero": (0, s), "s zero": (r, 0), "s equal to the order": (r, sm2.ORDER), "r + s equal to the order": (r, sm2.ORDER - r)}
    for name, (r, s) in numbers.items():
        case(f"sm2 signature with {name}", envelope([header, empty, payload, sm2.whole(r) + sm2.whole(s)]), "BAD_SIGNATURE")
    # Without the identifier of the signer in front, as if the digest were that of the message alone.
    header, empty, payload, signature = signed(SM, cbor2.dumps(claims()))
    sm2.IDENTIFIER = b""
    unnamed = SM.sign(cbor2.dumps(["Signature1", header, b"", payload]))
    sm2.IDENTIFIER = b"1234567812345678"
    case("sm2 signature of another identifier", envelope([header, empty, payload, unnamed]), "BAD_SIGNATURE")
    payload = cbor2.dumps(claims())
    for key, alg, name in ((SM, -7, "ES256"), (SM, -8, "EdDSA"), (ES, -65537, "SM2"), (ED, -65537, "SM2")):
        case(f"{key.name} key where the header says {name}", envelope(signed(key, payload, protected(key, alg=alg))), "BAD_SIGNATURE")
    for key, alg, name in ((ED, -7, "ES256"), (ES, -8, "EdDSA"), (ED, -35, "ES384"), (ED, -257, "RS256"), (ED, 5, "HMAC"),
                           (ED, 0, "the reserved 0"), (ES, -37, "PS256"), (ED, -70000, "a private number")):
        case(f"{key.name} key where the header says {name}", envelope(signed(key, payload, protected(key, alg=alg))),
             "BAD_SIGNATURE")
    mac = hashlib.sha256(ED.public + payload).digest() * 2
    case("public key used as a MAC secret", envelope([protected(ED, alg=5), {}, payload, mac]), "BAD_SIGNATURE")
    stolen = signed(ED, payload)[3]
    red = cbor2.dumps(claims(set={-65002: 10}))
    case("red under the signature of a green one", envelope([protected(ED), {}, red, stolen]), "BAD_SIGNATURE")


def devices():
    bound = claims("device")
    for signer in (ED, ES, SM):
        for colour, word in ((0, "green"), (1, "yellow"), (10, "red")):
            made = claims("device", set={-65002: colour})
            case(f"device, {word}, {signer.name}", presented(made, signer=signer), "VALID")
    case("device without a mask", presented(claims("device", without=[-65003])), "VALID")
    case("device, in its twenty-fourth hour", presented(bound, at=NOW + DAY - 60), "VALID", now=NOW + DAY - 1)
    case("device, accepted by its kind", presented(bound), "VALID", kinds=["device"])
    case("device where it is not accepted", presented(bound), "WRONG_KIND", kinds=["dynamic", "paper"])
    shown = presented(bound, at=NOW + 1_000)
    case("device, 30 s before its minute", shown, "VALID", now=NOW + 970)
    case("device, 31 s before its minute", shown, "NOT_YET_VALID", now=NOW + 969)
    case("device, 29 s after its minute", shown, "VALID", now=NOW + 1_089)
    case("device, 30 s after its minute", shown, "EXPIRED", now=NOW + 1_090)
    case("device, its minute replayed an hour later", shown, "EXPIRED", now=NOW + 4_600)
    case("device, a clock an hour ahead", presented(bound, at=NOW + 3_600), "NOT_YET_VALID")
    case("device, shown before it begins", presented(bound, at=NOW - 60), "NOT_YET_VALID", now=NOW - 31)
    case("device, shown after it ended", presented(bound, at=NOW + DAY), "EXPIRED", now=NOW + DAY + 30)
    case("device of a key that nobody knows", presented(bound, signer=UNKNOWN), "WRONG_KEY")
    case("device of a revoked key", presented(bound, signer=REVOKED), "REVOKED", now=NOW + 10)
    case("device of another province's key", presented(bound, signer=JIANGSU), "WRONG_ISSUER")
    case("device that signed its own token", presented(bound, signer=PHONE), "WRONG_KEY")
    case("device token without the signature of the device", token(bound), "BAD_SIGNATURE")
    case("device token shown by another phone", presented(bound, key=OTHER_PHONE), "BAD_SIGNATURE")
    case("device token shown by its issuer", presented(bound, key=ED), "BAD_SIGNATURE")
    payload = cbor2.dumps({4: NOW + 60, -65004: whole_of(bound)})
    named = protected(PHONE)
    case("device token shown by another phone in the name of the first",
         presented(bound, key=OTHER_PHONE, header=named), "BAD_SIGNATURE")
    case("device token whose phone names another key",
         presented(bound, header=protected(PHONE, kid=OTHER_PHONE.kid)), "BAD_SIGNATURE")
    case("device token whose phone names EdDSA", presented(bound, header=protected(PHONE, alg=-8)), "BAD_SIGNATURE")
    header, _, _, signature = signed(PHONE, payload)
    later = cbor2.dumps({4: NOW + 120, -65004: whole_of(bound)})
    case("device token whose minute was changed", envelope([header, {}, later, signature]), "BAD_SIGNATURE")
    red = cbor2.dumps({4: NOW + 60, -65004: whole_of(claims("device", set={-65002: 10}))})
    case("device token that was exchanged under the signature of the phone",
         envelope([header, {}, red, signature]), "BAD_SIGNATURE")
    case("paper that a phone shows", presented(claims("paper")), "UNREADABLE")
    case("dynamic that a phone shows", presented(claims()), "UNREADABLE")
    twice = cbor2.dumps(cbor2.CBORTag(18, signed(PHONE, payload)))
    wrong = {
        "a presentation in a presentation": {4: NOW + 60, -65004: twice},
        "no token": {4: NOW + 60, -65004: b""},
        "a token of text": {4: NOW + 60, -65004: token(bound)},
        "a token not in bytes": {4: NOW + 60, -65004: signed(ED, cbor2.dumps(bound))},
        "no time": {1: "37", -65004: whole_of(bound)},
        "a time of text": {4: "soon", -65004: whole_of(bound)},
        "a time before 1970": {4: -1, -65004: whole_of(bound)},
        "a time after 2106": {4: 2**32, -65004: whole_of(bound)},
        "a time with a fraction": {4: NOW + 60.5, -65004: whole_of(bound)},
        "another second claim": {4: NOW + 60, -65005: whole_of(bound)},
        "a third claim": {4: NOW + 60, 5: NOW, -65004: whole_of(bound)},
        "bytes after the token": {4: NOW + 60, -65004: whole_of(bound) + b"\0"},
    }
    for name, made in wrong.items():
        case(f"device that shows {name}", presented(bound, payload=cbor2.dumps(made)), "UNREADABLE")
    swapped = cbor2.dumps({-65004: whole_of(bound), 4: NOW + 60})
    case("device that shows its claims in another order", presented(bound, payload=swapped), "UNREADABLE")
    good_key = confirmation(PHONE)[1]
    keys = {
        "no key": {}, "a key by its name": {3: PHONE.kid}, "no map": b"key",
        "a key of another type": {1: {**good_key, 1: 1}}, "another curve": {1: {**good_key, -1: 2}},
        "an x of 31 bytes": {1: {**good_key, -2: bytes(31)}}, "an x that is on no point": {1: {**good_key, -2: b"\xff" * 32}},
        "y in full": {1: {**good_key, -3: PHONE.public[33:]}}, "no y": {1: {one: good_key[one] for one in (1, -1, -2)}},
        "a private part": {1: {**good_key, -4: bytes(32)}}, "the point of infinity": {1: {**good_key, -2: bytes(32), -3: 0}},
        "two members": {**confirmation(PHONE), 3: PHONE.kid},
    }
    for name, key in keys.items():
        case(f"device claim 8 with {name}", presented(claims("device", set={8: key})), "UNREADABLE")
    case("device without claim 8", presented(claims("device", without=[8])), "UNREADABLE")
    case("device for a day and a second", presented(claims("device", set={4: NOW + DAY + 1})), "UNREADABLE")
    for claim in (1, 4, 5, 7, -65001, -65002):
        case(f"device without claim {claim}", presented(claims("device", without=[claim])), "UNREADABLE")
    for length in (0, 15, 17, 24):
        case(f"device id of {length} bytes", presented(claims("device", set={7: bytes(length)})), "UNREADABLE")
    case("paper with a key of a holder", token(claims("paper", set={8: confirmation(PHONE)})), "UNREADABLE")
    case("dynamic with a key of a holder", token(claims(set={8: confirmation(PHONE)})), "UNREADABLE")
    whole = cbor2.dumps(cbor2.CBORTag(18, signed(PHONE, payload)))
    for place in range(len(whole)):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << ((place + 1) % 8)
        case(f"bit {(place + 1) % 8} of byte {place} flipped, device", text_of(bytes(flipped)))
        if CASES[-1]["outcome"] not in ("UNREADABLE", "WRONG_KEY", "BAD_SIGNATURE"):
            raise SystemExit(f"a damaged token is {CASES[-1]}")


def headers():
    payload = cbor2.dumps(claims())
    wrong = {
        "no algorithm": cbor2.dumps({4: ED.kid}),
        "no kid": cbor2.dumps({1: -8}),
        "nothing in it": cbor2.dumps({}),
        "no bytes": b"",
        "an algorithm by name": cbor2.dumps({1: "EdDSA", 4: ED.kid}),
        "an algorithm of null": cbor2.dumps({1: None, 4: ED.kid}),
        "a kid of seven bytes": cbor2.dumps({1: -8, 4: ED.kid[:7]}),
        "a kid of nine bytes": cbor2.dumps({1: -8, 4: ED.kid + b"\0"}),
        "a kid of text": cbor2.dumps({1: -8, 4: "12345678"}),
        "a content type": cbor2.dumps({1: -8, 3: "application/cwt", 4: ED.kid}),
        "a critical parameter": cbor2.dumps({1: -8, 2: [99], 4: ED.kid}),
        "a private parameter": cbor2.dumps({1: -8, 4: ED.kid, -70000: 1}),
        "its keys exchanged": b"\xa2\x04\x48" + ED.kid + b"\x01\x27",
        "the algorithm twice": b"\xa3\x01\x27\x01\x27\x04\x48" + ED.kid,
        "a number not in the shortest form": b"\xa2\x01\x38\x07\x04\x48" + ED.kid,
        "an indefinite map": b"\xbf\x01\x27\x04\x48" + ED.kid + b"\xff",
        "an array": cbor2.dumps([-8, ED.kid]),
        "bytes after it": protected(ED) + b"\0",
    }
    for name, header in wrong.items():
        case(f"protected header with {name}", envelope(signed(ED, payload, header)), "UNREADABLE")
    header, _, payload, signature = signed(ED, payload)
    for name, unprotected in (("the kid", {4: ED.kid}), ("the algorithm", {1: -8}), ("a counter signature", {7: b"1"})):
        case(f"unprotected header with {name}", envelope([header, unprotected, payload, signature]), "UNREADABLE")
    without = cbor2.dumps({1: -8})
    case("kid in the unprotected header alone", envelope([without, {4: ED.kid}, payload, signed(ED, payload, without)[3]]),
         "UNREADABLE")


def envelopes():
    parts = signed(ED, cbor2.dumps(claims()))
    good_bytes = cbor2.dumps(cbor2.CBORTag(18, parts))
    for tag in (0, 16, 17, 61, 97, 98, 55799):
        case(f"tag {tag}", envelope(parts, tag), "UNREADABLE")
    case("tag 61 around tag 18", text_of(cbor2.dumps(cbor2.CBORTag(61, cbor2.CBORTag(18, parts)))), "UNREADABLE")
    case("tag 18 twice", text_of(cbor2.dumps(cbor2.CBORTag(18, cbor2.CBORTag(18, parts)))), "UNREADABLE")
    shapes = {
        "three parts": parts[:3], "five parts": [*parts, b""], "no parts": [],
        "a map of parts": dict(enumerate(parts)), "parts in another order": [parts[2], {}, parts[0], parts[3]],
        "a detached payload": [parts[0], {}, None, parts[3]], "a payload of text": [parts[0], {}, "claims", parts[3]],
        "a payload not in bytes": [parts[0], {}, claims(), parts[3]],
        "a header not in bytes": [{1: -8, 4: ED.kid}, {}, parts[2], parts[3]],
        "an unprotected header of null": [parts[0], None, parts[2], parts[3]],
        "a signature of text": [parts[0], {}, parts[2], "a" * 64], "a signature of null": [parts[0], {}, parts[2], None],
    }
    for name, shape in shapes.items():
        case(f"envelope with {name}", envelope(shape), "UNREADABLE")
    case("bytes after the envelope", text_of(good_bytes + b"\0"), "UNREADABLE")
    case("two envelopes", text_of(good_bytes * 2), "UNREADABLE")
    case("tag not in the shortest form", text_of(b"\xd8\x12" + good_bytes[1:]), "UNREADABLE")
    case("array of indefinite length", text_of(b"\xd2\x9f" + good_bytes[2:] + b"\xff"), "UNREADABLE")
    case("a list of a million parts that are not there", text_of(b"\xd2\x9a\x00\x0f\x42\x40"), "UNREADABLE")
    case("a byte string of 4 GiB that is not there", text_of(b"\xd2\x84\x5a\xff\xff\xff\xff"), "UNREADABLE")
    case("four hundred arrays in one another", text_of(b"\x81" * 400 + b"\x00"), "UNREADABLE")
    long = token(claims(set={-65020: bytes(400)}))
    case("longer than 512 bytes", long, "UNREADABLE")
    room = 400
    while len(whole_of(claims(set={-65020: bytes(room)}))) > 512:
        room -= 1
    fits = claims(set={-65020: bytes(room)})
    case("of 512 bytes", token(fits), "VALID")


def payloads():
    for name, wrong in {
        "of an array": [1, 2], "of text": "green", "of null": None, "of nothing in a map": {},
    }.items():
        raw_payload(f"payload {name}", cbor2.dumps(wrong))
    raw_payload("payload of no bytes", b"")
    whole = cbor2.dumps(claims())
    raw_payload("bytes after the payload", whole + b"\0")
    raw_payload("payload that ends too early", whole[:-1])
    raw_payload("payload of indefinite length", b"\xbf" + whole[1:] + b"\xff")
    raw_payload("payload with its count too high", bytes([whole[0] + 1]) + whole[1:])
    for kind in ("dynamic", "paper", "card"):
        for claim in ((1, 4, 7, -65001, -65002) if kind == "dynamic" else (1, 4, 5, 7, -65001, -65002)):
            case(f"{kind} without claim {claim}", token(claims(kind, without=[claim])), "UNREADABLE")
    swapped = list(claims().items())
    swapped[0], swapped[1] = swapped[1], swapped[0]
    raw_payload("claims not in order", cbor2.dumps(dict(swapped)))
    first = cbor2.dumps(1) + cbor2.dumps("37")
    raw_payload("claim 1 twice", bytes([whole[0] + 1]) + first + whole[1:])
    raw_payload("claim 4 not in the shortest form", whole.replace(b"\x04\x1a", b"\x04\x1b\0\0\0\0", 1))
    raw_payload("mask that is not UTF-8", whole.replace("明".encode(), b"\xff\xfe\xfd"))
    wrong = {
        1: ["", "3", "07", "99999", "370202", "3700000", "37 ", "SD", 37, None, b"37", ["37"]],
        4: [-1, 2**32, 2**64 - 1, 1_650_000_060.0, "1650000060", None, cbor2.CBORTag(1, NOW + 60)],
        7: [b"", bytes(15), bytes(16), bytes(23), bytes(33), "0" * 24, 7, None],
        -65001: [0, 4, 255, 256, -1, "1", 1.0, None, True],
        -65002: [2, 3, 9, 11, 255, 266, -1, "0", 0.0, None, False],
        -65003: ["", "*", "**", "王小明", "明明", "*明*", "*1", "* ", "*\n", "*\u202e", "*\u200b", "<b", "*<", 1, None, b"*\xe6\x98\x8e"],
    }
    for claim, values in wrong.items():
        for value in values:
            shown = value.hex() if isinstance(value, bytes) else repr(value)
            case(f"claim {claim} of {shown}", token(claims(set={claim: value})), "UNREADABLE")
    for value in (-1, 2**32, "x", 1.5, None):
        case(f"claim 5 of {value!r}", token(claims("paper", set={5: value})), "UNREADABLE")
    for length in (0, 15, 17, 24, 32):
        case(f"paper id of {length} bytes", token(claims("paper", set={7: bytes(length)})), "UNREADABLE")


def texts():
    whole = token(claims())
    body = whole[4:]
    wrong = {
        "nothing": "", "the prefix alone": "LT1:", "no prefix": body, "a lower-case prefix": "lt1:" + body,
        "another version": "LT2:" + body, "a certificate of another format": "HC1:" + body, "the prefix twice": "LT1:" + whole,
        "a space before it": " " + whole, "a space after it": whole + " ", "a line end after it": whole + "\n",
        "a zero character after it": whole + "\0", "its letters in lower case": "LT1:" + body.lower(),
        "full-width letters": "LT1:" + body.replace("A", "Ａ"), "a byte order mark": "\ufeff" + whole,
        "an address": "https://example.cn/?t=" + whole, "a percent sign of an address": whole.replace("%", "%25") + "%20",
        "a character that Base45 has not": "LT1:" + "a" + body[1:], "one character too many": whole + "0",
        "a group that is too big": "LT1::::" + body[3:], "the text of a health card": "0" * 64 + ":1:" + "0" * 32,
        "ten thousand characters": "LT1:" + "0" * 10_000, "an emoji": "LT1:😀",
    }
    for name, text in wrong.items():
        case(f"text: {name}", text, "UNREADABLE")
    for length in range(5, len(whole), 6):
        case(f"cut after {length} characters", whole[:length], "UNREADABLE")


def damage():
    for key in (ED, ES, SM):
        whole = cbor2.dumps(cbor2.CBORTag(18, signed(key, cbor2.dumps(claims()))))
        for place in range(len(whole)):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << (place % 8)
            case(f"bit {place % 8} of byte {place} flipped, {key.name}", text_of(bytes(flipped)))
            if CASES[-1]["outcome"] not in ("UNREADABLE", "WRONG_KEY", "BAD_SIGNATURE"):
                raise SystemExit(f"a damaged token is {CASES[-1]}")


for group in (good, times, trust, signatures, devices, headers, envelopes, payloads, texts, damage):
    group()
names = [one["name"] for one in CASES]
if len(set(names)) != len(names):
    raise SystemExit(f"named twice: {sorted(name for name in names if names.count(name) > 1)}")
with open("outcomes.json", "w", encoding="utf-8") as out:
    out.write('{\n"keys": [\n' + ",\n".join(json.dumps(key) for key in LISTED_KEYS) + '\n],\n"cases": [\n')
    out.write(",\n".join(json.dumps(one, ensure_ascii=False) for one in CASES) + "\n]\n}\n")
print(len(CASES), "cases:", {one: sum(case["outcome"] == one for case in CASES) for one in sorted({c["outcome"] for c in CASES})})
