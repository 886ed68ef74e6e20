// node idp.mjs PORT CERT KEY ENGINE NAME: a certified OpenID provider, in memory, for the provider NAME of the engine at ENGINE.
// Its keys are new at each start. GET /token-for-tests?user=…&format=jwt|opaque gives an access token for the audience urn:vireo:api.
import Provider from 'oidc-provider';
import crypto from 'node:crypto';
import fs from 'node:fs';
import https from 'node:https';

const [, , port, cert, key, engine, name] = process.argv;
const issuer = `https://localhost:${port}`;
const API = 'urn:vireo:api';
const people = {
  'u-alice': { preferred_username: 'alice', given_name: 'Alice', family_name: 'Arnold', email: 'alice@example.com', groups: ['staff', 'teachers'] },
  'u-bob': { preferred_username: 'bob', given_name: 'Bob', family_name: 'Builder', email: 'bob@example.com', groups: [] },
  'u-nameless': {},
};
const { privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
const jwk = { ...privateKey.export({ format: 'jwk' }), kid: crypto.randomUUID(), alg: 'RS256', use: 'sig' };
const client = (id, more) => ({ client_id: id, client_secret: `${id}-secret`, grant_types: ['authorization_code'], response_types: ['code'], redirect_uris: [`${engine}/sign-in/openid/${name}/callback`], post_logout_redirect_uris: [`${engine}/sign-in`], ...more });

const provider = new Provider(issuer, {
  clients: [client('vireo'), client('scripts')],
  jwks: { keys: [jwk] },
  cookies: { keys: [crypto.randomUUID()] },
  pkce: { required: () => true },
  scopes: ['openid', 'profile', 'email', 'groups'],
  claims: { openid: ['sub'], profile: ['preferred_username', 'given_name', 'family_name'], email: ['email'], groups: ['groups'] },
  extraTokenClaims: (_, token) => people[token.accountId],
  findAccount: async (_, id) => people[id] && { accountId: id, claims: async () => ({ sub: id, ...people[id] }) },
  features: {
    devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: true }, introspection: { enabled: true }, revocation: { enabled: true },
    resourceIndicators: { enabled: true, defaultResource: () => undefined, getResourceServerInfo: () => ({ audience: API, scope: 'api' }) },
  },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  // Its own client needs no page that asks for consent.
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope('openid profile email groups');
    await grant.save();
    return grant;
  },
});

provider.use(async (ctx, next) => {
  if (ctx.path === '/token-for-tests') return token(ctx);
  const match = ctx.path.match(/^\/interaction\/([\w-]+)$/);
  if (!match) return next();
  if (ctx.method === 'GET') {
    ctx.type = 'html';
    ctx.body = `<!doctype html><html lang=en><title>Provider ${name}</title><h1>Provider ${name}</h1>
      <form method="post" action="/interaction/${match[1]}"><label>User <input id="login" name="login"></label><button id="enter">Sign in</button></form>`;
    return;
  }
  let body = '';
  for await (const piece of ctx.req) body += piece;
  const login = `u-${new URLSearchParams(body).get('login')}`;
  const result = people[login] ? { login: { accountId: login, remember: false } } : { error: 'access_denied', error_description: 'nobody of that name' };
  await provider.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: false });
  ctx.respond = false;
});

async function token(ctx) {
  const { user, format, audience, client: clientId } = ctx.query;
  const accountId = `u-${user}`;
  const by = await provider.Client.find(clientId ?? 'scripts');
  const grant = new provider.Grant({ clientId: by.clientId, accountId });
  grant.addResourceScope(API, 'api');
  const access = new provider.AccessToken({ accountId, client: by, grantId: await grant.save(), scope: 'api', gty: 'authorization_code' });
  access.resourceServer = new provider.ResourceServer(API, { audience: audience ?? API, scope: 'api', accessTokenFormat: format, jwt: { sign: { alg: 'RS256' } } });
  ctx.body = await access.save();
}

provider.on('server_error', (_, error) => console.error('server_error', error));
for (const event of ['authorization.error', 'grant.error', 'introspection.error', 'end_session.error']) provider.on(event, (_, error) => console.error(event, error.message, error.error_description));
const server = https.createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) }, provider.callback());
server.listen(+port, '127.0.0.1', () => console.log(`ready ${issuer}`));
