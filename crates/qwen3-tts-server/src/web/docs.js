// Shows the OpenAPI document of the service.

import { $ } from "./page.js";

const METHODS = ["get", "post", "put", "patch", "delete"];

let schemas = {};

async function show() {
  const api = await (await fetch("openapi.json")).json();
  schemas = api.components?.schemas ?? {};
  $("about").replaceChildren(...marked(api.info.description ?? ""));
  const operations = Object.entries(api.paths).flatMap(([path, item]) => operationsOf(path, item));
  for (const [tag, members] of Map.groupBy(operations, ({ tags }) => tags?.[0] ?? "other")) {
    $("docs").append(element("h2", {}, capitalised(tag)), ...members.map(showOperation));
  }
}

function operationsOf(path, item) {
  return METHODS.filter((method) => method in item).map((method) => ({ path, method, ...item[method] }));
}

function showOperation({ path, method, summary, description, parameters, requestBody, responses }) {
  const head = element("summary", {}, element("code", {}, `${method.toUpperCase()} ${path}`), ` ${summary ?? ""}`);
  const parts = [element("p", {}, ...marked(description ?? ""))];
  if (parameters?.length) parts.push(table(parameters.map(parameterRow)));
  for (const [type, { schema }] of Object.entries(requestBody?.content ?? {})) {
    parts.push(element("h3", {}, `Body: ${type}`), ...showSchema(schema));
  }
  parts.push(element("h3", {}, "Answers"), table(Object.entries(responses).map(responseRow)));
  return element("details", { className: "card" }, head, ...parts);
}

function parameterRow({ name, required, schema, description }) {
  return [name, `${typeOf(schema)}${required ? ", required" : ""}`, description];
}

function responseRow([status, { description, content }]) {
  const types = Object.entries(content ?? {}).map(([type, { schema }]) => `${type}${named(schema)}`);
  return [status, types.join(", "), description];
}

function named(schema) {
  return schema?.$ref ? `: ${lastPart(schema.$ref)}` : "";
}

function showSchema(schema) {
  const { properties, required = [], description } = resolved(schema);
  if (!properties) return [element("p", {}, typeOf(schema))];
  const names = [...required, ...Object.keys(properties).filter((name) => !required.includes(name))];
  const rows = names.map((name) => {
    const [property, need] = [properties[name], required.includes(name) ? ", required" : ""];
    return [name, typeOf(property) + need, property.description ?? resolved(property).description];
  });
  return [element("p", {}, ...marked(description ?? "")), table(rows)];
}

function resolved(schema = {}) {
  const either = schema.oneOf ?? schema.anyOf ?? schema.allOf;
  const referred = schema.$ref ?? either?.find((one) => one.$ref)?.$ref;
  return referred ? { ...schemas[lastPart(referred)] } : schema;
}

function typeOf(schema = {}) {
  if (schema.$ref) return typeOf(schemas[lastPart(schema.$ref)]);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const either = schema.oneOf ?? schema.anyOf;
  if (either) return [...new Set(either.map(typeOf))].filter(Boolean).join(" | ");
  const types = [schema.type ?? "object"].flat().filter((type) => type !== "null");
  return types.join(" | ") + (schema.items ? ` of ${typeOf(schema.items)}` : "") + limits(schema);
}

function limits({ minimum, maximum }) {
  if (minimum !== undefined && maximum !== undefined) return `, ${minimum} to ${maximum}`;
  return minimum ? `, at least ${minimum}` : "";
}

function table(rows) {
  const row = ([name, type, description]) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, element("code", {}, name)),
      element("td", {}, type),
      element("td", {}, ...marked(description ?? "")),
    );
  const body = element("tbody", {}, ...rows.map(row));
  return element("div", { className: "table", tabIndex: 0 }, element("table", {}, body));
}

/** Text with `code` between backticks. */
function marked(text) {
  return text.split("`").map((part, index) => (index % 2 ? element("code", {}, part) : part));
}

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function lastPart(reference) {
  return reference.split("/").at(-1);
}

function capitalised(text) {
  return text[0].toUpperCase() + text.slice(1);
}

show().catch(() => ($("about").textContent = "openapi.json cannot be read."));
