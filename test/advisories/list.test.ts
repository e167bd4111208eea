import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'

/**
 * The advisories and the issues of others that Signet is measured by. Each has a test in this folder that carries its
 * id; one that is learnt of is added here first.
 */
const IDS = [
  'CVE-2021-41580',
  'CVE-2022-25896',
  'CVE-2022-29214',
  'CVE-2023-29019',
  'CVE-2023-3128',
  'CVE-2023-31999',
  'CVE-2023-48223',
  'CVE-2023-48309',
  'CVE-2024-21632',
  'CVE-2024-31999',
  'CVE-2024-56734',
  'CVE-2025-27143',
  'CVE-2025-32442',
  'CVE-2025-48370',
  'CVE-2025-61928',
  'CVE-2025-71403',
  'CVE-2026-1035',
  'CVE-2026-107720',
  'CVE-2026-107723',
  'CVE-2026-110024',
  'CVE-2026-110862',
  'CVE-2026-110864',
  'CVE-2026-112362',
  'CVE-2026-114607',
  'CVE-2026-120263',
  'CVE-2026-121939',
  'CVE-2026-125758',
  'CVE-2026-126280',
  'CVE-2026-15611',
  'CVE-2026-18174',
  'CVE-2026-25223',
  'CVE-2026-31813',
  'CVE-2026-33806',
  'CVE-2026-34950',
  'CVE-2026-35039',
  'CVE-2026-35040',
  'CVE-2026-35041',
  'CVE-2026-35042',
  'CVE-2026-3635',
  'CVE-2026-41574',
  'CVE-2026-44166',
  'CVE-2026-44351',
  'CVE-2026-45337',
  'CVE-2026-45364',
  'CVE-2026-53513',
  'CVE-2026-53516',
  'CVE-2026-62376',
  'CVE-2026-73419',
  'CVE-2026-7507',
  'CVE-2026-77250',
  'CVE-2026-81888',
  'CVE-2026-92395',
  'CVE-2026-9802',
  'GHSA-2ccf-ffrj-m4qw',
  'GHSA-2vg6-77g8-24mp',
  'GHSA-3529-5m8x-rpv3',
  'GHSA-392p-2q2v-4372',
  'GHSA-4m3m-ppvx-xgw9',
  'GHSA-5hvv-9cqv-894r',
  'GHSA-7rqj-j65f-68wh',
  'GHSA-7w99-5wm4-3g79',
  'GHSA-8fpg-xm3f-6cx3',
  'GHSA-cv9p-325g-wmv5',
  'GHSA-g38m-r43w-p2q7',
  'GHSA-hx79-5pj5-qh42',
  'GHSA-j8qq-g9pm-v3c2',
  'GHSA-pgx2-m66h-x29f',
  'GHSA-rc4q-9m69-gqp8',
  'GHSA-ww5h-9m49-7xx4',
  'GHSA-wxw3-q3m9-c3jr',
  'GHSA-x445-f3h2-j279',
  'GHSA-x4vh-j75g-268g',
  'GHSA-x732-6j76-qmhm',
  'GHSA-xc49-mgwh-9pjv',
  'GHSA-xmf8-cvqr-rfgj',
  'GO-2026-4807',
  'GO-2026-4861',
  'ash_authentication #1187',
  'auth-js #203',
  'auth-js #213',
  'better-auth #5243',
  'better-auth #9096',
  'Better Auth #9560',
  'Better Auth #9993',
  'Better Auth #10000',
  'convex-auth #619',
  'envoy #42079',
  'fastify-oauth2 #209',
  'freehire #1735',
  'GoTrue #2304',
  'GoTrue #2389',
  'GoTrue #2512',
  'GoTrue #2560',
  'GoTrue #2597',
  'GoTrue #2612',
  'GoTrue #2642',
  'keycloak #51312',
  'keycloak #51885',
  'MAS #3521',
  'oauth2-proxy #611',
  'oauth2-proxy #817',
  'oauth2-proxy #1708',
  'oauth2-proxy #3258',
  'Plane #9289',
  'prisma #3242',
  'prisma #9972',
  'prisma #27641',
  'prisma #27673',
  'prisma-client-js #446',
  'supabase/auth #466',
  'supabase/auth #2136',
  'supabase/auth #2675',
  'supabase-js #2126'
]

const ID = /(?:CVE-\d{4}-\d+|GHSA(?:-[a-z0-9]{4}){3}|GO-\d{4}-\d+)(?![\d-])|[A-Za-z][\w./-]*(?: Auth)? #\d+/g

/** The names of the tests here, and of the tables that tests are made of. */
const titles = readdirSync(new URL('.', import.meta.url))
  .filter((file) => file.endsWith('.test.ts') && file !== 'list.test.ts')
  .flatMap(
    (file) =>
      readFileSync(new URL(file, import.meta.url), 'utf8').match(
        /(?:(?:t|slow)\.test\(|^ {2,}|\{ |, )['"`](?:CVE|GHSA|GO|[\w./-]+(?: Auth)? #\d)[^\n]*/gm
      ) ?? []
  )

t.test('each of them has its test', async (t) => {
  const tested = titles.flatMap((title) => title.match(ID) ?? [])
  t.same(
    IDS.filter((id) => !tested.includes(id)),
    [],
    'listed and not tested'
  )
  t.same(
    [...new Set(tested)].filter((id) => !IDS.includes(id)),
    [],
    'tested and not listed'
  )
  t.equal(new Set(IDS).size, IDS.length)
})
