// The process that oidc_provider.py starts: node oidc_provider.mjs PORT FOLDER_WITH_NODE_MODULES

import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [port, modules] = process.argv.slice(2);
const entry = join(modules, "node_modules", "oidc-provider", "lib", "index.js");
const { Provider } = await import(pathToFileURL(entry));

const DEFAULT_LIFETIME = 3600;

// What the provider keeps: for each kind of thing (clients, tokens), its records by id.
const records = new Map();
const lifetimes = new Map();

const recordsOf = (kind) => {
  if (!records.has(kind)) records.set(kind, new Map());
  return records.get(kind);
};

class MemoryAdapter {
  constructor(kind) {
    this.kind = kind;
  }

  async upsert(id, payload) {
    recordsOf(this.kind).set(id, payload);
  }

  async find(id) {
    return recordsOf(this.kind).get(id);
  }

  async destroy(id) {
    recordsOf(this.kind).delete(id);
  }
}

const certificateOf = (ctx) => {
  const encoded = ctx.get("Client-Cert").replaceAll(":", "");
  return encoded ? new X509Certificate(Buffer.from(encoded, "base64")) : undefined;
};

const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter: MemoryAdapter,
  clientAuthMethods: [
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
    "private_key_jwt",
    "tls_client_auth",
  ],
  enabledJWA: { clientAuthSigningAlgValues: ["HS256", "RS256", "ES256", "ES384", "ES512"] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    introspection: { enabled: true },
    // Something in front ends the TLS, checks the certificate and passes it on (RFC 9440 §2).
    mTLS: {
      enabled: true,
      tlsClientAuth: true,
      getCertificate: certificateOf,
      certificateAuthorized: (ctx) => certificateOf(ctx) !== undefined,
      certificateSubjectMatches: (ctx, property, expected) =>
        property === "tls_client_auth_san_dns" &&
        certificateOf(ctx).checkHost(expected) !== undefined,
    },
    revocation: { enabled: true },
  },
  scopes: ["api", "read", "write"],
  ttl: {
    ClientCredentials: (ctx, token, client) => lifetimes.get(client.clientId) ?? DEFAULT_LIFETIME,
  },
});

const controls = {
  "POST /_control/clients": async (ctx) => {
    const { lifetime, ...client } = await jsonBody(ctx.req);
    recordsOf("Client").set(client.client_id, {
      ...client,
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
    });
    lifetimes.set(client.client_id, lifetime);
    ctx.status = 204;
  },
  "POST /_control/revoke_all": (ctx) => {
    recordsOf("ClientCredentials").clear();
    ctx.status = 204;
  },
};

async function jsonBody(request) {
  let text = "";
  for await (const piece of request.setEncoding("utf-8")) text += piece;
  return JSON.parse(text);
}

// Runs before the provider looks at the request.
provider.use(async (ctx, next) => {
  const control = controls[`${ctx.method} ${ctx.path}`];
  return control ? control(ctx) : next();
});

provider.listen(Number(port), "127.0.0.1");

// If a wrapper was started in place of Node, the wrapper gets the signal to stop. What reaches this
// process in any case is the end of its input.
process.stdin.on("end", () => process.exit()).resume();
