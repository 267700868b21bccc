// Asks a province's code system about one of its codes, as a partner does (GB/T 38963, code verification), over gRPC.
//
//     node verify.mjs --endpoint HOST:PORT --proto ../../proto --key messages.pem --sender 32 --audience 37 --token LT1:…
//
// Prints the outcome and the reference of the code. Nothing is believed that the audience has not signed for us, now, in answer to this
// question. Needs @grpc/grpc-js, @grpc/proto-loader and cborg.
import { createHash, createPrivateKey, createPublicKey, randomBytes, sign, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";
import { decode, encode } from "cborg";

const CONTEXT = Buffer.from("lutong message 1");
const METHOD = "lutong.federation.v1.ExchangeService/VerifyHealthCode";
// How old a message may be, and how far two clocks may lie apart, in seconds.
const [LIFE, TOLERANCE] = [60, 30];

const cbor = (value) => Buffer.from(encode(value));
const read = (bytes) => decode(Uint8Array.from(bytes), { useMaps: true });
// Tag 18: a COSE_Sign1 (RFC 9052).
const SIGN1 = Buffer.from([0xd2]);
const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
const same = (one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)) === 0;
// The last 32 bytes of an Ed25519 SubjectPublicKeyInfo are the key (RFC 8410).
const kidOf = (key) => sha256(key.export({ type: "spki", format: "der" }).subarray(-32)).subarray(0, 8);

// The Sig_structure of RFC 9052, section 4.4, with the purpose as external data.
const toBeSigned = (protectedHeader, payload) => cbor(["Signature1", protectedHeader, CONTEXT, payload]);

// A COSE_Sign1 that says which method is called, who calls whom, when, once, and the digest of the body.
function signedHeader(key, { sender, audience }, body, nonce) {
  const payload = cbor([1, METHOD, sender, audience, Math.floor(Date.now() / 1000), nonce, sha256(body), null]);
  const protectedHeader = cbor(new Map([[1, -8], [4, kidOf(createPublicKey(key))]]));
  return Buffer.concat([SIGN1, cbor([protectedHeader, new Map(), payload, sign(null, toBeSigned(protectedHeader, payload), key)])]);
}

// The body of the answer. Whatever does not hold is no answer at all.
function checkAnswer({ header, body }, key, { sender, audience }, nonce) {
  if (!same(header.subarray(0, 1), SIGN1)) throw new Error("an answer that is not signed");
  const [protectedHeader, , payload, signature] = read(header.subarray(1));
  const named = read(protectedHeader);
  if (named.get(1) !== -8 || !same(named.get(4), kidOf(key))) throw new Error("signed with another key than that of our agreement");
  if (!verify(null, toBeSigned(protectedHeader, payload), key, signature)) throw new Error("a signature that does not match");
  const [version, method, from, to, sent, , digest, reply] = read(payload);
  const now = Date.now() / 1000;
  for (const [holds, what] of [
    [version === 1 && method === METHOD, "of another method"],
    [from === audience && to === sender, "of or for somebody else"],
    [now - LIFE - TOLERANCE <= Number(sent) && Number(sent) <= now + TOLERANCE, "too old, or of the future: check the clocks"],
    [reply !== null && same(reply, nonce), "to another question"],
    [same(digest, sha256(body)), "with another body than the one that was signed"],
  ]) {
    if (!holds) throw new Error(`an answer ${what}`);
  }
  return body;
}

const text = { type: "string" };
const { values: options } = parseArgs({
  options: { endpoint: text, proto: text, key: text, sender: text, audience: text, token: text, "message-key": text, ca: text, certificate: text, "tls-key": text },
});
const definition = loader.loadSync("lutong/federation/v1/exchange_service.proto", { includeDirs: [options.proto], keepCase: true, enums: String });
const { lutong } = grpc.loadPackageDefinition(definition);
const bodies = loader.loadSync("lutong/federation/v1/exchange.proto", { includeDirs: [options.proto], keepCase: true, enums: String });
const codec = (name) => bodies[`lutong.federation.v1.${name}`];
const file = (name) => (options[name] ? readFileSync(options[name]) : null);
const credentials = options.ca
  ? grpc.credentials.createSsl(file("ca"), file("tls-key"), file("certificate"))
  : grpc.credentials.createInsecure();
const client = new lutong.federation.v1.ExchangeService(options.endpoint, credentials);
const call = (method, request) =>
  new Promise((resolve, reject) => {
    client[method](request, { deadline: Date.now() + 2000 }, (error, answer) => (error ? reject(error) : resolve(answer)));
  });

// The reason and what belongs to it, which stand in the details of the status (google.rpc.ErrorInfo).
function reasonOf(error) {
  const errors = loader.loadSync(["google/rpc/status.proto", "google/rpc/error_details.proto"], { includeDirs: [options.proto], keepCase: true });
  for (const packed of error.metadata?.get("grpc-status-details-bin") ?? []) {
    for (const detail of errors["google.rpc.Status"].deserialize(packed).details ?? []) {
      if (!detail.type_url.endsWith("google.rpc.ErrorInfo")) continue;
      const info = errors["google.rpc.ErrorInfo"].deserialize(detail.value);
      return [info.reason, ...Object.values(info.metadata ?? {})].join(" ");
    }
  }
  return "";
}

const key = createPrivateKey(file("key"));
const body = codec("HealthCodeVerification").serialize({ token: options.token });
const nonce = randomBytes(16);
try {
  const published = file("message-key") ?? (await call("GetMessageKey", {})).public_key;
  const request = { message: { header: signedHeader(key, options, body, nonce), body } };
  const { answer } = await call("VerifyHealthCode", request);
  const said = checkAnswer(answer, createPublicKey(published), options, nonce);
  const result = codec("HealthCodeVerificationResult").deserialize(said);
  console.log(String(result.outcome).replace("RECOGNITION_OUTCOME_", ""), result.refusal || result.code_reference);
} catch (error) {
  const isStatus = typeof error.code === "number";
  console.error(isStatus ? `${grpc.status[error.code]} ${reasonOf(error)}: ${error.details}` : error.message);
  process.exitCode = 1;
}
client.close();
