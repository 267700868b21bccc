"""A verifier of code tokens, written from the text of the format alone, with libraries that the product does not use.

    verify(text, keys, now, kinds=None, issuers=None) -> {"outcome": …, "claims": … if VALID}

`keys` are those of `outcomes.json`. Slow and plain: it is there to be compared with.
"""
import hashlib
import unicodedata

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

import sm2

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
KINDS = {1: "dynamic", 2: "paper", 3: "card", 4: "device"}
DAY = 86_400
COLOURS = {0: "green", 1: "yellow", 10: "red"}
ALGORITHMS = {"ed25519": -8, "es256": -7, "sm2": -65537}
ORDER_ED25519 = 2**252 + 27742317777372353535851937790883648493
TOLERANCE = 30


class Unreadable(Exception):
    pass


def base45(data):
    text = ""
    for start in range(0, len(data), 2):
        pair = data[start:start + 2]
        number = int.from_bytes(pair, "big")
        for _ in range(len(pair) + 1):
            text += ALPHABET[number % 45]
            number //= 45
    return text


def from_base45(text):
    data = b""
    for start in range(0, len(text), 3):
        digits = [ALPHABET.find(one) for one in text[start:start + 3]]
        if -1 in digits or len(digits) == 1:
            raise Unreadable("not Base45")
        number = sum(digit * 45**place for place, digit in enumerate(digits))
        try:
            data += number.to_bytes(len(digits) - 1, "big")
        except OverflowError as error:
            raise Unreadable("not Base45") from error
    return data


def one_item(data):
    """The item, if it is one and deterministic (RFC 8949, 4.2.1)."""
    try:
        item = cbor2.loads(data)
        canonical = encode(item)
    except (cbor2.CBORError, RecursionError, TypeError, ValueError, OverflowError, MemoryError) as error:
        raise Unreadable("not CBOR") from error
    if canonical != data:
        raise Unreadable("not deterministic")
    return item


def encode(item):
    """Deterministic but for the order of keys, which is checked where it counts."""
    return cbor2.dumps(item)


def whole_number(value):
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def claims_of(payload):
    claims = one_item(payload)
    if not isinstance(claims, dict):
        raise Unreadable("no map")
    keys = [cbor2.dumps(key) for key in claims]
    if keys != sorted(keys):
        raise Unreadable("not in order")
    for claim in (1, 4, 7, -65001, -65002):
        if claim not in claims:
            raise Unreadable(f"no claim {claim}")
    issuer = claims[1]
    if not isinstance(issuer, str) or not issuer.isascii() or not issuer.isdigit() or issuer[0] == "0" or not (
            len(issuer) == 2 or (len(issuer) == 6 and issuer.endswith("0000"))):
        raise Unreadable("no province")
    kind = KINDS.get(whole_number(claims[-65001]))
    colour = COLOURS.get(whole_number(claims[-65002]))
    if kind is None or colour is None:
        raise Unreadable("no kind or no colour")
    if kind != "dynamic" and 5 not in claims:
        raise Unreadable("no claim 5")
    expires = whole_number(claims[4])
    begins = whole_number(claims[5]) if 5 in claims else (expires - 60 if expires is not None else None)
    if begins is None or expires is None or not (0 <= begins < expires < 2**32):
        raise Unreadable("no times")
    token_id = claims[7]
    if not isinstance(token_id, bytes) or len(token_id) not in (range(24, 33) if kind == "dynamic" else (16,)):
        raise Unreadable("no id")
    mask = claims.get(-65003)
    if -65003 in claims and not is_mask(mask):
        raise Unreadable("no mask")
    made = {"issuer": issuer[:2], "kind": kind, "colour": colour, "mask": mask, "not_before": begins,
            "expires_at": expires, "token_id": token_id.hex()}
    if (kind == "device") != (8 in claims) or (kind == "device" and expires - begins > DAY):
        raise Unreadable("bound to a device without its key, or for more than a day, or another kind with a key")
    if kind == "device":
        made["holder_key"] = holder_key(claims[8])
    return made


def holder_key(confirmation):
    """The uncompressed point of claim 8 (RFC 8747; RFC 9053, 7.1.1)."""
    key = confirmation.get(1) if isinstance(confirmation, dict) and list(confirmation) == [1] else None
    if not isinstance(key, dict) or list(key) != [1, -1, -2, -3] or key[1] != 2 or key[-1] != 1:
        raise Unreadable("no key")
    x, y_is_odd = key[-2], key[-3]
    if not isinstance(x, bytes) or len(x) != 32 or not isinstance(y_is_odd, bool):
        raise Unreadable("no point")
    try:
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), bytes([2 + y_is_odd]) + x)
    except ValueError as error:
        raise Unreadable("no point of the curve") from error
    numbers = point.public_numbers()
    return "04" + numbers.x.to_bytes(32, "big").hex() + numbers.y.to_bytes(32, "big").hex()


def is_mask(mask):
    if not isinstance(mask, str) or len(mask.encode()) > 5:
        return False
    shown = mask[1:] if mask.startswith("*") else mask[:-1] if mask.endswith("*") else mask
    return len(shown) == 1 and (unicodedata.category(shown).startswith("L") or shown in "·-'’.")


def parts_of(text):
    if not text.startswith("LT1:"):
        raise Unreadable("no prefix")
    data = from_base45(text[4:])
    if len(data) > 512:
        raise Unreadable("too long")
    if base45(data) != text[4:]:
        raise Unreadable("Base45 not in its one form")
    return sign1_of(data)


def presentation_of(payload):
    """The token and the end of its minute, where a device signed the payload; otherwise nothing."""
    claims = one_item(payload)
    if not isinstance(claims, dict) or len(claims) != 2:
        return None
    if list(claims) != [4, -65004]:
        raise Unreadable("no presentation")
    expires, token = whole_number(claims[4]), claims[-65004]
    if expires is None or not 0 <= expires < 2**32 or not isinstance(token, bytes):
        raise Unreadable("no presentation")
    return expires, token


def sign1_of(data):
    cose = one_item(data)
    if isinstance(cose, cbor2.CBORTag):
        if cose.tag != 18:
            raise Unreadable("another tag")
        cose = cose.value
    if not isinstance(cose, list) or len(cose) != 4:
        raise Unreadable("no four parts")
    header, unprotected, payload, signature = cose
    if not isinstance(header, bytes) or unprotected != {} or not isinstance(payload, bytes) or not isinstance(signature, bytes):
        raise Unreadable("a part of another type")
    if len(signature) != 64:
        raise Unreadable("no signature")
    named = one_item(header)
    if not isinstance(named, dict) or list(named) != [1, 4]:
        raise Unreadable("not algorithm and kid")
    algorithm, kid = whole_number(named[1]), named[4]
    if algorithm is None or not isinstance(kid, bytes) or len(kid) != 8:
        raise Unreadable("no algorithm or no kid")
    if algorithm > 255:
        raise Unreadable("a number that the registry of COSE has not given")
    return header, algorithm, kid, payload, signature


def is_signed(key, message, signature):
    public = bytes.fromhex(key["public"])
    if key["algorithm"] == "sm2":
        return sm2.verifies(public, message, signature)
    try:
        if key["algorithm"] == "ed25519":
            if int.from_bytes(signature[32:], "little") >= ORDER_ED25519:
                return False
            ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        else:
            r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
            point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
            point.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def is_presented(outer, public):
    header, algorithm, kid, payload, signature = outer
    key = {"algorithm": "es256", "public": public}
    message = cbor2.dumps(["Signature1", header, b"", payload])
    is_named = kid == hashlib.sha256(bytes.fromhex(public)).digest()[:8]
    return is_named and algorithm == ALGORITHMS["es256"] and is_signed(key, message, signature)


def verify(text, keys, now, kinds=None, issuers=None):
    try:
        header, algorithm, kid, payload, signature = outer = parts_of(text)
        presentation = presentation_of(payload)
        if presentation is not None:
            header, algorithm, kid, payload, signature = sign1_of(presentation[1])
        claims = claims_of(payload)
        if presentation is not None and claims["kind"] != "device":
            raise Unreadable("presented without being bound")
    except Unreadable:
        return {"outcome": "UNREADABLE"}
    key = next((key for key in keys if hashlib.sha256(bytes.fromhex(key["public"])).digest()[:8] == kid), None)
    if key is None:
        return {"outcome": "WRONG_KEY"}
    message = cbor2.dumps(["Signature1", header, b"", payload])
    if algorithm != ALGORITHMS[key["algorithm"]] or not is_signed(key, message, signature):
        return {"outcome": "BAD_SIGNATURE"}
    begins, ends = claims["not_before"], claims["expires_at"]
    if claims["kind"] == "device":
        if presentation is None or not is_presented(outer, claims["holder_key"]):
            return {"outcome": "BAD_SIGNATURE"}
        begins, ends = max(begins, presentation[0] - 60), min(ends, presentation[0])
    if key["revoked_at"] is not None and key["revoked_at"] <= now:
        return {"outcome": "REVOKED"}
    if claims["issuer"] not in key["issuers"] or (issuers is not None and claims["issuer"] not in issuers):
        return {"outcome": "WRONG_ISSUER"}
    has_ended = key["not_after"] is not None and key["not_after"] + TOLERANCE <= now
    if has_ended or claims["not_before"] + TOLERANCE < key["not_before"]:
        return {"outcome": "WRONG_KEY"}
    if kinds is not None and claims["kind"] not in kinds:
        return {"outcome": "WRONG_KIND"}
    if now + TOLERANCE < begins:
        return {"outcome": "NOT_YET_VALID"}
    if ends + TOLERANCE <= now:
        return {"outcome": "EXPIRED"}
    return {"outcome": "VALID", "claims": claims}
