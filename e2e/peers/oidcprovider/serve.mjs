// Serves an OpenID provider as a file describes it: node serve.mjs PACKAGE CONFIGURATION. POST /control puts the file
// in force as it is then, with new signing keys where the query says keys=new; what was signed in stays.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [root, file] = process.argv.slice(2);
const { Provider } = await import(pathToFileURL(join(root, 'lib/index.js')));
const { default: MemoryAdapter } = await import(pathToFileURL(join(root, 'lib/adapters/memory_adapter.js')));
// Its own adapter would begin anew with each Provider; what is derived from it is shared by all.
class Adapter extends MemoryAdapter {}
const read = () => JSON.parse(readFileSync(file, 'utf8'));

// The signing keys outlive the process, as a real provider's do.
function signingKeys(renew) {
  const path = file + '.keys';
  if (renew || !existsSync(path)) {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' };
    writeFileSync(path, JSON.stringify({ keys: [key] }), { mode: 0o600 });
  }
  return JSON.parse(readFileSync(path, 'utf8'));
}

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code';

function client(c) {
  const metadata = {
    client_id: c.id, redirect_uris: c.redirectUris ?? [], post_logout_redirect_uris: c.logoutUris ?? [],
    grant_types: ['authorization_code', 'refresh_token', deviceGrant],
  };
  if (c.secret) metadata.client_secret = c.secret;
  else Object.assign(metadata, { token_endpoint_auth_method: 'none', application_type: 'native' });
  if (c.backChannelLogoutUri) {
    metadata.backchannel_logout_uri = c.backChannelLogoutUri;
    metadata.backchannel_logout_session_required = true;
  }
  return metadata;
}

function claims(name, user) {
  return {
    sub: name, name: user.name, picture: user.picture, email: user.email, email_verified: user.emailVerified,
    groups: user.groups ?? [],
  };
}

function make(renew) {
  const c = read();
  const hour = 3600;
  const provider = new Provider(c.issuer, {
    adapter: Adapter,
    jwks: signingKeys(renew),
    clients: c.clients.map(client),
    scopes: ['openid', 'offline_access', 'profile', 'email', 'groups'],
    claims: { profile: ['name', 'picture'], email: ['email', 'email_verified'], groups: ['groups'] },
    conformIdTokenClaims: c.userInfoOnly,
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: (_, asking, code) => asking.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access'),
    ttl: { AccessToken: c.ttl, IdToken: c.ttl, DeviceCode: c.deviceTtl, RefreshToken: hour, Session: hour, Grant: hour, Interaction: hour },
    cookies: { keys: ['cookies'] },
    features: { devInteractions: { enabled: false }, deviceFlow: { enabled: true }, backchannelLogout: { enabled: true } },
    // It refuses to call loopback, where all clients of these tests are.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    interactions: { url: (_, interaction) => '/sign-in/' + interaction.uid },
    findAccount: (_, name) => {
      const user = read().users[name];
      return user && { accountId: name, claims: () => claims(name, user) };
    },
  });
  provider.use((ctx, next) => (ctx.path.startsWith('/sign-in/') ? signIn(provider, ctx) : next()));
  return provider.callback();
}

const form = `<!doctype html><title>Sign in</title><form method="post">
<input name="user" type="text"><input name="password" type="password"><button type="submit">Sign in</button></form>`;

// One form is login and consent.
async function signIn(provider, ctx) {
  const { params } = await provider.interactionDetails(ctx.req, ctx.res);
  if (ctx.method === 'GET') {
    ctx.type = 'html';
    ctx.body = form;
    return;
  }
  let text = '';
  for await (const chunk of ctx.req) text += chunk;
  const typed = new URLSearchParams(text);
  const name = typed.get('user');
  const user = read().users[name];
  if (!user || user.password !== typed.get('password')) {
    ctx.status = 401;
    ctx.body = 'wrong user or password';
    return;
  }
  const grant = new provider.Grant({ accountId: name, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  ctx.respond = false;
  await provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: name }, consent: { grantId: await grant.save() } });
}

let handle = make(false);
createServer((request, response) => {
  const url = new URL(request.url, 'http://localhost');
  if (request.method !== 'POST' || url.pathname !== '/control') return handle(request, response);
  handle = make(url.searchParams.get('keys') === 'new');
  response.end();
}).listen(read().port, '127.0.0.1');
