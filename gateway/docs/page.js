// Draws /openapi.json. No library, no other host; text goes in as text, never as markup.
"use strict";

const WORDS = {
  zh: {
    roles: "谁可调用", parameters: "参数", body: "请求内容", answer: "返回", errors: "错误原因", example: "示例",
    required: "必填", readOnly: "由系统填写", oneOf: "以下之一", anybody: "任何人", list: "列表", map: "映射",
    characters: "字", items: "项", failed: "无法读取 /openapi.json",
  },
  en: {
    roles: "Who may call", parameters: "Parameters", body: "Request body", answer: "Answer", errors: "Error reasons", example: "Example",
    required: "required", readOnly: "set by the server", oneOf: "one of", anybody: "anybody", list: "list of", map: "map of",
    characters: "characters", items: "items", failed: "/openapi.json cannot be read",
  },
};
const ROLES = {
  ROLE_PUBLIC: "任何人", ROLE_CITIZEN: "本人", ROLE_GUARDIAN: "代办人", ROLE_COUNTER_STAFF: "窗口人员", ROLE_CHECKPOINT: "卡口",
  ROLE_HOSPITAL: "医院", ROLE_AUTHORITY_FEED: "数据来源部门", ROLE_HEALTH_OFFICER: "卫健人员", ROLE_SUPERVISOR: "主管", ROLE_EPIDEMIOLOGIST: "流调人员",
  ROLE_RULE_AUTHOR: "规则起草人", ROLE_RULE_APPROVER: "规则审批人", ROLE_HOTLINE_AGENT: "热线人员", ROLE_AUDITOR: "审计员", ROLE_OPERATOR: "运维人员",
  ROLE_PARTNER: "互认省份", ROLE_ORGANISATION: "单位、学校、社区",
};
/** Collections as people here call them; the description's own names stand after them. */
const COLLECTIONS = {
  Sessions: "登录", Code: "亮码", Keys: "公钥", "Key list": "公钥清单", "Paper codes": "纸质码", "Assisted paper codes": "窗口代打纸质码", "Device bound codes": "本机码", "Card codes": "就诊卡码", Revocations: "吊销清单", Tokens: "验码", Complaints: "反馈、投诉与申诉", Cases: "工单", Attachments: "附件", Applications: "申请", Arrivals: "来鲁申报", "Daily reports": "每日健康申报", Commitments: "承诺书", Divisions: "辖区", Lookups: "查询记录", Audit: "审计",
  Checkpoints: "卡口", "Checkpoint devices": "卡口设备", "Door reports": "卡口上报", "Staff sign in codes": "卡口登录码", "Staff sign ins": "卡口人员登录", "Self reports": "自主报告",
  "Health card": "电子健康卡", "Health cards": "读卡", "Health card uses": "用卡记录", "Patient bindings": "就诊绑定", "Partner consents": "跨省授权", "Medical institutions": "医疗机构", "Medical terminals": "读卡终端", Appeals: "申诉办理", "Appeal groups": "同源申诉", "Fact reviews": "事实核查", "Recognition refusals": "不予互认报备",
  Places: "场所", "Place ledger": "场所台账", "Responsible bodies": "主管部门", "Accountability cases": "场所追责",
  "Hotline orders": "热线工单", "Public numbers": "公开数据",
  "Application imports": "批量申请", "Assisted applications": "窗口代填申请", "Ward applications": "为家人申请", Registrations: "登记核验", "Fact imports": "事实导入", "Fact kinds": "事实种类", Pulls: "数据库拉取", Merges: "人员合并", "One time codes": "短信验证码", Bindings: "为家人代办", Areas: "风险地区", "Unplaced areas": "待定位地区",
  Subjects: "人员", Decision: "当前赋码", Designations: "管控决定", Decisions: "赋码历史", "History verifications": "历史核验", "Key areas": "重点地区",
  Operations: "后台任务", Recomparisons: "全量比对", Rollbacks: "报送撤回", "Rule sets": "规则集",
  Partners: "互认伙伴", "Trust lists": "信任清单", "Colour maps": "颜色对照表", Exchanges: "跨省交换", Subscriptions: "数据订阅", Conversions: "转码记录", "Partner qualities": "互认伙伴质量", "Conversion rollbacks": "转码回退", "Message key": "报文公钥", "Message records": "报文记录",
};
/** A longer pattern says nothing to a reader; the description has it. */
const LONGEST_PATTERN = 24;

let language = (navigator.language || "zh").startsWith("zh") ? "zh" : "en";
let contract = null;
const word = (name) => WORDS[language][name];

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** The contract's words; what stands in backticks is code. */
function prose(text) {
  const parts = text.split("`");
  return parts.map((part, index) => (index % 2 === 1 && index < parts.length - 1 ? make("code", {}, part) : part));
}

const titleOf = (tag) => (COLLECTIONS[tag.name] ? `${COLLECTIONS[tag.name]} ${tag.name}` : tag.name);

const shortOf = (reference) => reference.split("/").pop();
const resolve = (thing) => (thing && thing.$ref ? thing.$ref.slice(2).split("/").reduce((at, key) => at[key], contract) : thing);

/** A type in a few words. */
function typeOf(schema) {
  if (schema.$ref) return shortOf(schema.$ref);
  if (schema.type === "array") return `${word("list")} ${typeOf(schema.items || {})}`;
  if (schema.type === "object" && schema.additionalProperties) return `${word("map")} ${typeOf(schema.additionalProperties)}`;
  const bounds = [
    ["minLength", "≥", ` ${word("characters")}`], ["maxLength", "≤", ` ${word("characters")}`], ["minimum", "≥", ""], ["maximum", "≤", ""],
    ["minItems", "≥", ` ${word("items")}`], ["maxItems", "≤", ` ${word("items")}`],
  ].filter(([name]) => schema[name] !== undefined).map(([name, sign, unit]) => `${sign} ${schema[name]}${unit}`);
  const pattern = schema.pattern && schema.pattern.length <= LONGEST_PATTERN ? schema.pattern : "";
  return [schema.format || schema.type || "", ...bounds, pattern].filter(Boolean).join(", ");
}

/** The members of a schema as rows; what they refer to opens on demand, so that nothing is drawn twice for nothing. */
function shapeOf(schema, depth = 0) {
  const whole = resolve(schema) || {};
  if (whole.oneOf) {
    return make("div", {}, make("small", {}, word("oneOf")), ...whole.oneOf.map((variant) =>
      make("details", whole.oneOf.length === 1 ? { open: "" } : {}, make("summary", {}, variant.title || ""), shapeOf(variant, depth + 1))));
  }
  if (whole.enum) return make("div", {}, make("p", {}, ...prose(whole.description || "")));
  if (!whole.properties) return make("code", {}, typeOf(whole));
  const required = whole.required || [];
  const names = Object.keys(whole.properties).sort((a, b) => required.includes(b) - required.includes(a));
  return make("table", {}, ...names.map((name) => {
    const member = whole.properties[name];
    const inner = member.$ref ? member : member.items && member.items.$ref ? member.items : null;
    const notes = [typeOf(member), member.readOnly ? word("readOnly") : null].filter(Boolean).join(" · ");
    const cell = make("td", {}, ...prose(member.description || ""));
    if (inner && depth < 8) cell.append(opens(shortOf(inner.$ref), () => shapeOf(inner, depth + 1)));
    return make("tr", {}, make("td", {}, make("code", {}, name), " ", make("small", {}, notes),
      required.includes(name) ? make("small", { class: "required" }, ` ${word("required")}`) : null), cell);
  }));
}

function opens(title, draw) {
  const details = make("details", {}, make("summary", {}, title));
  details.addEventListener("toggle", () => { if (details.open && details.childElementCount === 1) details.append(draw()); });
  return details;
}

function curl(method, path, operation) {
  let url = path;
  const query = [];
  for (const parameter of (operation.parameters || []).map(resolve)) {
    if (parameter.in === "path") url = url.replace(`{${parameter.name}}`, parameter.example || `{${parameter.name}}`);
    if (parameter.in === "query" && parameter.example !== undefined) query.push(`${parameter.name}=${parameter.example}`);
  }
  const lines = [`curl '${location.origin}${url}${query.length ? `?${query.join("&")}` : ""}'`];
  if (method !== "get") lines[0] += ` -X ${method.toUpperCase()}`;
  if (!operation.security.some((one) => Object.keys(one).length === 0)) lines.push("  -H \"authorization: Bearer $session\"");
  const content = operation.requestBody && operation.requestBody.content["application/json"];
  if (content) lines.push("  -H 'content-type: application/json'", `  -d '${JSON.stringify(content.example || {}, null, 2).replaceAll("'", "'\\''")}'`);
  return lines.join(" \\\n");
}

function errorsOf(operation) {
  const rows = Object.entries(operation.responses).filter(([, one]) => one["x-lutong-reasons"]).map(([status, one]) =>
    make("tr", {}, make("td", {}, make("code", {}, status), ` ${one.description}`), make("td", {}, make("code", {}, one["x-lutong-reasons"].join(", ")))));
  return make("table", {}, ...rows);
}

function articleOf(path, method, operation) {
  const parameters = (operation.parameters || []).map(resolve);
  const roles = (operation["x-lutong-roles"] || []).map((role) => (language === "zh" ? ROLES[role] || role : role.replace("ROLE_", "").toLowerCase().replaceAll("_", " ")));
  const body = operation.requestBody && operation.requestBody.content["application/json"].schema;
  // A file is answered as its bytes.
  const answers = Object.values(operation.responses["200"].content)[0];
  const answer = answers.schema;
  const article = make("article", { id: operation.operationId },
    make("h3", {}, make("span", { class: `method ${method}` }, method.toUpperCase()), make("code", {}, path), make("small", {}, operation.operationId)),
    make("p", {}, ...prose(operation.description.split("\n\nErrors:")[0])),
    make("small", {}, `${word("roles")}: ${roles.join(language === "zh" ? "、" : ", ") || word("anybody")}${operation["x-lutong-rpc"] ? ` · gRPC ${operation["x-lutong-rpc"]}` : ""}`));
  if (parameters.length) {
    article.append(make("h4", {}, word("parameters")), make("table", {}, ...parameters.map((one) =>
      make("tr", {}, make("td", {}, make("code", {}, one.name), " ", make("small", {}, `${one.in}, ${typeOf(one.schema)}`),
        one.required ? make("small", { class: "required" }, ` ${word("required")}`) : null), make("td", {}, ...prose(one.description || ""))))));
  }
  if (body) article.append(make("h4", {}, word("body")), opens(typeOf(body), () => shapeOf(body)));
  article.append(make("h4", {}, word("answer")), opens(typeOf(answer), () => shapeOf(answer)));
  article.append(make("h4", {}, word("errors")), opens(Object.keys(operation.responses).filter((one) => /^4|^5/.test(one)).join(" "), () => errorsOf(operation)));
  article.append(make("h4", {}, word("example")), make("pre", {}, curl(method, path, operation)));
  const answered = answers.example;
  if (answered !== undefined) article.append(opens(`200 ${word("answer")}`, () => make("pre", {}, JSON.stringify(answered, null, 2))));
  article.dataset.words = `${JSON.stringify(operation)} ${operation.tags.map((name) => COLLECTIONS[name] || "").join(" ")} ${method} ${path}`.toLowerCase();
  return article;
}

function draw() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  const main = document.getElementById("operations");
  const nav = document.getElementById("contents");
  main.replaceChildren(make("p", {}, ...prose(contract.info.description)));
  nav.replaceChildren();
  for (const tag of contract.tags) {
    const section = make("section", {}, make("h2", {}, titleOf(tag)), make("p", {}, ...prose(tag.description)));
    const links = make("div", {}, make("h2", {}, titleOf(tag)));
    for (const [path, item] of Object.entries(contract.paths)) {
      for (const [method, operation] of Object.entries(item)) {
        if (!operation.tags.includes(tag.name)) continue;
        section.append(articleOf(path, method, operation));
        links.append(make("a", { href: `#${operation.operationId}`, "data-of": operation.operationId }, operation.operationId));
      }
    }
    main.append(section);
    nav.append(links);
  }
  filter();
}

function filter() {
  const wanted = document.getElementById("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const article of document.querySelectorAll("article")) {
    article.hidden = !wanted.every((part) => article.dataset.words.includes(part));
    document.querySelector(`[data-of="${article.id}"]`).hidden = article.hidden;
  }
  for (const section of document.querySelectorAll("section")) section.hidden = !section.querySelector("article:not([hidden])");
}

function languages() {
  const group = document.getElementById("languages");
  group.replaceChildren(...[["zh", "中文"], ["en", "English"]].map(([code, name]) => {
    const button = make("button", { type: "button", "aria-pressed": String(code === language) }, name);
    button.addEventListener("click", () => { language = code; languages(); if (contract) draw(); });
    return button;
  }));
}

languages();
document.getElementById("filter").addEventListener("input", filter);
fetch("/openapi.json").then((answer) => answer.json()).then((json) => {
  contract = json;
  draw();
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}).catch((error) => document.getElementById("operations").replaceChildren(make("p", {}, `${word("failed")}: ${error}`)));
