"""Makes tokens from the text of the format, with libraries that the product does not use. See SOURCE.md."""
import hashlib

import cbor2
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
NOW = 1_650_000_000


def base45(data):
    text = ""
    for start in range(0, len(data), 2):
        pair = data[start:start + 2]
        number = int.from_bytes(pair, "big")
        for _ in range(len(pair) + 1):
            text += ALPHABET[number % 45]
            number //= 45
    return text


def es256(key, message):
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def token(alg, public, sign, claims):
    kid = hashlib.sha256(public).digest()[:8]
    protected = cbor2.dumps({1: alg, 4: kid})
    payload = cbor2.dumps(claims)
    signature = sign(cbor2.dumps(["Signature1", protected, b"", payload]))
    return "LT1:" + base45(cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, signature])))


def claims(kind, iss, life, cti, nbf):
    made = {1: iss, 4: NOW + life}
    if nbf:
        made[5] = NOW
    made.update({7: cti, -65001: kind, -65002: 1, -65003: "*明"})
    return made


CASES = [
    ("dynamic", claims(1, "37", 60, bytes(range(24)), False)),
    ("dynamic", claims(1, "370000", 60, bytes(range(32)), True)),
    ("paper", claims(2, "37", 14 * 86_400, bytes(range(16)), True)),
    ("card", claims(3, "37", 365 * 86_400, bytes(range(16)), True)),
]

edwards = ed25519.Ed25519PrivateKey.from_private_bytes(
    bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
p256 = ec.derive_private_key(0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721, ec.SECP256R1())
raw, point = serialization.Encoding.Raw, serialization.PublicFormat.UncompressedPoint
keys = [
    ("ed25519", -8, edwards, edwards.public_key().public_bytes(raw, serialization.PublicFormat.Raw), edwards.sign),
    ("es256", -7, p256, p256.public_key().public_bytes(serialization.Encoding.X962, point), lambda m: es256(p256, m)),
]
with open("tokens.txt", "w", encoding="utf-8") as out:
    for name, alg, key, public, sign in keys:
        with open(f"{name}.pub.pem", "wb") as pem:
            pem.write(key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
        for kind, made in CASES:
            out.write(f"{kind}\t{token(alg, public, sign, made)}\n")
