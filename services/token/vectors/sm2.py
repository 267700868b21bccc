"""SM2 signatures with SM3, written from GB/T 32918.1 and .2 alone: affine points, no care for time. For tests only.

`python3 sm2.py` compares it with the example of GB/T 32918.5-2017, A.2, and with the program `openssl`, each verifying what the other signed.
"""
import hashlib

IDENTIFIER = b"1234567812345678"
P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = P - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
ORDER = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
G = (0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
     0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0)


def add(one, other):
    if one is None or other is None:
        return other if one is None else one
    (x1, y1), (x2, y2) = one, other
    if x1 == x2:
        if (y1 + y2) % P == 0:
            return None
        slope = (3 * x1 * x1 + A) * pow(2 * y1, -1, P)
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, P)
    x = (slope * slope - x1 - x2) % P
    return x, (slope * (x1 - x) - y1) % P


def times(scalar, point):
    total = None
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point, scalar = add(point, point), scalar >> 1
    return total


def whole(number):
    return number.to_bytes(32, "big")


def public_of(secret):
    """The uncompressed point: 04, x, y."""
    x, y = times(secret, G)
    return b"\x04" + whole(x) + whole(y)


def sm3(data):
    return hashlib.new("sm3", data).digest()


def digest(public, message):
    length = (8 * len(IDENTIFIER)).to_bytes(2, "big")
    curve = whole(A) + whole(B) + whole(G[0]) + whole(G[1])
    return int.from_bytes(sm3(sm3(length + IDENTIFIER + curve + public[1:]) + message), "big")


def sign(secret, message, nonce=None):
    """r and s, each of 32 bytes. Without a nonce it is the hash of key and message, so that the same call gives the same bytes."""
    if nonce is None:
        nonce = int.from_bytes(hashlib.sha256(whole(secret) + message).digest(), "big") % (ORDER - 1) + 1
    r = (digest(public_of(secret), message) + times(nonce, G)[0]) % ORDER
    s = pow(1 + secret, -1, ORDER) * (nonce - r * secret) % ORDER
    if 0 in (r, s, (r + nonce) % ORDER):
        raise ValueError("a nonce that gives no signature")
    return whole(r) + whole(s)


def verifies(public, message, signature):
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    sum_ = (r + s) % ORDER
    if not (0 < r < ORDER and 0 < s < ORDER) or sum_ == 0:
        return False
    point = (int.from_bytes(public[1:33], "big"), int.from_bytes(public[33:], "big"))
    found = add(times(s, G), times(sum_, point))
    return found is not None and (digest(public, message) + found[0]) % ORDER == r


def compare():
    import subprocess
    import tempfile

    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

    secret = 0x3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8
    nonce = 0x59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21
    signature = sign(secret, b"message digest", nonce)
    assert signature.hex() == (
        "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
        "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"), signature.hex()
    with tempfile.TemporaryDirectory() as folder:
        def file(name, content):
            with open(f"{folder}/{name}", "wb") as out:
                out.write(content)
            return f"{folder}/{name}"

        def openssl(*words):
            return subprocess.run(("openssl", *words), check=True, capture_output=True).stdout

        def signing(*words):
            return openssl("pkeyutl", *words, "-rawin", "-digest", "sm3", "-pkeyopt", f"distid:{IDENTIFIER.decode()}")

        public = public_of(secret)
        spki = file("public.der", bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200") + public)
        message = file("message", b"message digest")
        ours = file("ours", encode_dss_signature(*(int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))))
        signing("-verify", "-pubin", "-keyform", "DER", "-inkey", spki, "-in", message, "-sigfile", ours)
        inner = b"\x02\x01\x01\x04\x20" + whole(secret) + b"\xa1\x44\x03\x42\x00" + public
        inner = b"\x30" + bytes([len(inner)]) + inner
        pkcs8 = b"\x02\x01\x00" + bytes.fromhex("301306072a8648ce3d020106082a811ccf5501822d") + b"\x04" + bytes([len(inner)]) + inner
        key = file("key.der", b"\x30\x81" + bytes([len(pkcs8)]) + pkcs8)
        theirs = signing("-sign", "-keyform", "DER", "-inkey", key, "-in", message)
        r, s = decode_dss_signature(theirs)
        assert verifies(public, b"message digest", whole(r) + whole(s))
        assert not verifies(public, b"message", whole(r) + whole(s))
    print("openssl agrees")


if __name__ == "__main__":
    compare()
