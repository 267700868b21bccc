"""Asks a province's code system about one of its codes, as a partner does (GB/T 38963, code verification), over gRPC.

    python3 verify.py --endpoint HOST:PORT --proto ../../proto --key messages.pem --sender 32 --audience 37 --token LT1:…

Prints the outcome and the reference of the code. Nothing is believed that the audience has not signed for us, now, in answer to this question.
Needs grpcio, grpcio-tools, cbor2 and cryptography.
"""
import argparse
import hashlib
import os
import sys
import time

import cbor2
import grpc
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CONTEXT = b"lutong message 1"
METHOD = "lutong.federation.v1.ExchangeService/VerifyHealthCode"
# How old a message may be, and how far two clocks may lie apart, in seconds.
LIFE, TOLERANCE = 60, 30


def kid_of(public):
    return hashlib.sha256(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).digest()[:8]


def to_be_signed(protected, payload):
    """The Sig_structure of RFC 9052, section 4.4, with the purpose as external data."""
    return cbor2.dumps(["Signature1", protected, CONTEXT, payload])


def signed_header(key, sender, audience, body, nonce):
    """A COSE_Sign1 that says which method is called, who calls whom, when, once, and the digest of the body."""
    payload = cbor2.dumps([1, METHOD, sender, audience, int(time.time()), nonce, hashlib.sha256(body).digest(), None])
    protected = cbor2.dumps({1: -8, 4: kid_of(key.public_key())})
    return cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, key.sign(to_be_signed(protected, payload))]))


def check_answer(answer, public, sender, audience, nonce):
    """The body of the answer. Whatever does not hold is no answer at all."""
    protected, _, payload, signature = cbor2.loads(answer.header).value
    if cbor2.loads(protected) != {1: -8, 4: kid_of(public)}:
        raise ValueError("signed with another key than that of our agreement")
    public.verify(signature, to_be_signed(protected, payload))
    version, method, from_, to, sent, _, digest, reply = cbor2.loads(payload)
    now = time.time()
    for holds, what in (
        (version == 1 and method == METHOD, "of another method"),
        (from_ == audience and to == sender, "of or for somebody else"),
        (now - LIFE - TOLERANCE <= sent <= now + TOLERANCE, "too old, or of the future: check the clocks"),
        (reply == nonce, "to another question"),
        (digest == hashlib.sha256(answer.body).digest(), "with another body than the one that was signed"),
    ):
        if not holds:
            raise ValueError(f"an answer {what}")
    return answer.body


def channel(options):
    if options.ca is None:
        return grpc.insecure_channel(options.endpoint)
    read = lambda path: open(path, "rb").read() if path else None
    credentials = grpc.ssl_channel_credentials(read(options.ca), read(options.tls_key), read(options.certificate))
    return grpc.secure_channel(options.endpoint, credentials)


def reason_of(error):
    """The reason and what belongs to it, which stand in the details of the status (google.rpc.ErrorInfo)."""
    packed = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
    for detail in grpc.protos("google/rpc/status.proto").Status.FromString(packed).details:
        if detail.type_url.endswith("google.rpc.ErrorInfo"):
            info = grpc.protos("google/rpc/error_details.proto").ErrorInfo.FromString(detail.value)
            return " ".join([info.reason, *info.metadata.values()])
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("endpoint", "proto", "key", "sender", "audience", "token"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--message-key", help="PEM of the audience's key, as agreed; otherwise the one that it publishes")
    parser.add_argument("--ca", help="the authority of its certificate; otherwise the connection is not encrypted")
    parser.add_argument("--certificate")
    parser.add_argument("--tls-key")
    options = parser.parse_args()
    sys.path.insert(0, options.proto)
    exchange, services = grpc.protos_and_services("lutong/federation/v1/exchange_service.proto")
    bodies = grpc.protos("lutong/federation/v1/exchange.proto")
    outcomes = grpc.protos("lutong/federation/v1/colour_map.proto").RecognitionOutcome
    key = serialization.load_pem_private_key(open(options.key, "rb").read(), None)
    with channel(options) as line:
        stub = services.ExchangeServiceStub(line)
        if options.message_key:
            public = open(options.message_key, "rb").read()
        else:
            public = stub.GetMessageKey(exchange.GetMessageKeyRequest(), timeout=2).public_key.encode()
        public = serialization.load_pem_public_key(public)
        body = bodies.HealthCodeVerification(token=options.token).SerializeToString()
        nonce = os.urandom(16)
        header = signed_header(key, options.sender, options.audience, body, nonce)
        request = exchange.VerifyHealthCodeRequest(message=bodies.SignedMessage(header=header, body=body))
        try:
            answered = stub.VerifyHealthCode(request, timeout=2)
        except grpc.RpcError as error:
            sys.exit(f"{error.code().name} {reason_of(error)}: {error.details()}")
    body = check_answer(answered.answer, public, options.sender, options.audience, nonce)
    result = bodies.HealthCodeVerificationResult.FromString(body)
    outcome = outcomes.Name(result.outcome).removeprefix("RECOGNITION_OUTCOME_")
    print(outcome, result.refusal or result.code_reference)


main()
