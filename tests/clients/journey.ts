// One person's way through the API with a client made from its description: nothing of the client is written by hand.
//   node journey.js http://127.0.0.1:8080
import createClient from "openapi-fetch";
import type { components, paths } from "./api";

const [base] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl: base });

function must<T>(name: string, answered: { data?: T; error?: unknown }): T {
  if (answered.data === undefined) throw new Error(`${name}: ${JSON.stringify(answered.error)}`);
  return answered.data;
}

function expect(what: string, is: boolean): void {
  if (!is) throw new Error(what);
}

async function signIn(account_id: string): Promise<{ Authorization: string }> {
  const session = must("sign in", await client.POST("/v1/dev/sessions", { body: { account_id } }));
  return { Authorization: `Bearer ${session.token}` };
}

const citizen = await signIn("wx-typescript");
const application: components["schemas"]["CreateApplicationRequest"] = {
  request_id: crypto.randomUUID(),
  form: {
    person: {
      full_name: "李小红",
      document: { type: "DOCUMENT_TYPE_RESIDENT_ID", number: "110105194912310062" },
      mobile: "13800138001",
      nationality: "CHN",
      home_address: { division: "370202", detail: "香港中路2号" },
    },
    contact_history: [],
    commitment: { accepted: true, text_version: "2020-02" },
  },
};
must("apply", await client.POST("/v1/applications", { headers: citizen, body: application }));

const code = must("show", await client.GET("/v1/code", { headers: citizen, params: { query: { image_format: "IMAGE_FORMAT_SVG" } } }));
expect("the code is green", code.colour === "COLOUR_GREEN");
expect("the code is drawn", code.image !== undefined && atob(code.image.data).includes("<svg"));

const checkpoint = await signIn("checkpoint-1");
const verified = must("verify", await client.POST("/v1/tokens:verify", { headers: checkpoint, body: { token: code.token } }));
expect("the token is valid", verified.outcome === "VERIFICATION_OUTCOME_VALID" && verified.colour === "COLOUR_GREEN");

const filed = must("complain", await client.POST("/v1/complaints", {
  headers: citizen,
  body: { request_id: crypto.randomUUID(), feedback: { category: "FEEDBACK_CATEGORY_TECHNICAL", text: "健康码打不开" } },
}));
const complaint = filed.complaint?.complaint_id ?? "";
const asked = must("ask", await client.GET("/v1/complaints/{complaint}", { headers: citizen, params: { path: { complaint } } }));
expect("the complaint is the one filed", asked.complaint?.name === filed.complaint?.name);
const listed = must("list", await client.GET("/v1/complaints", { headers: citizen, params: { query: { page_size: 10 } } }));
// A list is there also when it is empty: no `?.`.
expect("the complaint is listed", listed.complaints.map((one) => one.complaint_id).includes(complaint));

const refused = await client.GET("/v1/complaints/{complaint}", { headers: citizen, params: { path: { complaint: "SD20221126-AAAAAAAA" } } });
expect("a refusal has its reason", refused.error !== undefined && refused.error.reason !== "" && refused.error.trace_id.length === 32);
console.log(JSON.stringify({ complaint, colour: code.colour }));
