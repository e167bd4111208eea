// With DEBUG set, Prisma's adapter prints each statement with what it writes, and simple-oauth2 can print its requests. Imported first,
// before they load; in the build, where chunks load before the first line of the entry, each file begins with it (tools/bundle.ts).
delete process.env['DEBUG']
