// An OpenID Connect provider with a sign-in form, of the library oidc-provider. Its
// version 9 needs a newer Node than Debian 12 has.
//
// It reads {port, issuer, client: {id, secret}, people} from its first argument. Tests
// change what it says of somebody with PUT /people/<name>, a JSON object of claims.
import { createServer } from "node:http";
import Provider from "oidc-provider";

const given = JSON.parse(process.argv[2]);
const people = new Map(Object.entries(given.people));

async function read(request) {
  let text = "";
  for await (const piece of request) text += piece;
  return text;
}

// By default a person's name is what the provider calls them; claims may say another.
const subOf = (name) => people.get(name).claims.sub ?? name;
const of = (sub) => people.get([...people.keys()].find((name) => subOf(name) === sub));

async function mayEverything(context) {
  const { client, session, provider } = context.oidc;
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope("openid profile email groups");
  await grant.save();
  return grant; // nobody is asked for consent
}

const provider = new Provider(given.issuer, {
  clients: [
    {
      client_id: given.client.id,
      client_secret: given.client.secret,
      redirect_uris: ["http://127.0.0.1/"],
    },
  ],
  claims: {
    openid: ["sub"],
    email: ["email", "email_verified"],
    profile: ["name", "given_name", "family_name", "preferred_username", "apple"],
    groups: ["groups"],
  },
  cookies: { keys: ["of the tests"] },
  features: { devInteractions: { enabled: false } },
  findAccount: (context, sub) => ({
    accountId: sub,
    claims: () => ({ ...of(sub).claims, sub }),
  }),
  interactions: { url: (context, interaction) => `/sign-in/${interaction.uid}` },
  loadExistingGrant: mayEverything,
  ttl: { Session: 600, Interaction: 600, Grant: 600, IdToken: 600, AccessToken: 600 },
});

// The portal's port is another each time; it must be on this machine all the same.
provider.Client.prototype.redirectUriAllowed = (uri) =>
  ["127.0.0.1", "localhost"].includes(new URL(uri).hostname);

for (const event of ["grant.error", "authorization.error", "server_error"]) {
  provider.on(event, (context, error) => console.error(event, error));
}

function escape(text) {
  return text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
}

function form(hint, words) {
  return `<!DOCTYPE html><title>Sign in</title><p>${words}</p><form method="post">
    <input name="login" value="${escape(hint)}"><input name="password" type="password">
    <button>Sign in</button></form><form method="post">
    <input type="hidden" name="cancel" value="yes"><button>Cancel</button></form>`;
}

async function signIn(request, response) {
  const { params } = await provider.interactionDetails(request, response);
  if (request.method !== "POST") {
    return response.setHeader("Content-Type", "text/html").end(form(params.login_hint ?? "", ""));
  }
  const sent = new URLSearchParams(await read(request));
  if (sent.get("cancel")) {
    return provider.interactionFinished(request, response, { error: "access_denied" });
  }
  const person = people.get(sent.get("login"));
  if (person?.password !== sent.get("password")) {
    return response.setHeader("Content-Type", "text/html").end(form("", "Wrong."));
  }
  const login = { accountId: subOf(sent.get("login")) };
  return provider.interactionFinished(request, response, { login });
}

async function change(request, response) {
  const name = decodeURIComponent(request.url.split("/")[2]);
  people.get(name).claims = JSON.parse(await read(request));
  response.writeHead(204).end();
}

const serve = provider.callback();
createServer(async (request, response) => {
  try {
    if (request.url.startsWith("/people/")) await change(request, response);
    else if (request.url.startsWith("/sign-in/")) await signIn(request, response);
    else serve(request, response);
  } catch (error) {
    console.error(error);
    response.writeHead(500).end(String(error));
  }
}).listen(given.port, "127.0.0.1");
