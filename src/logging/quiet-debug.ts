// With DEBUG set, Prisma's adapter prints each statement with its values, and simple-oauth2 prints its requests.
// Imported first, before they load. In the build, where chunks load before the first line of the entry, each file
// begins with this statement (tools/bundle.ts).
delete process.env['DEBUG']
