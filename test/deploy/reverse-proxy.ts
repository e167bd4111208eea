import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { packageRoot } from '../../src/package-root.ts'
import { makeCertificate } from '../certificate.ts'
import { startWebApp } from '../clients/program.ts'
import { freePort } from '../free-port.ts'

/** Debian's nginx is not in the PATH of everyone. */
export function findProgram (name: string): string | undefined {
  return [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin']
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path))
}

export const deployFile = (name: string) => readFile(join(packageRoot, 'deploy', name), 'utf8')

/** Replaces text that must be there: a file that changes must not run without its changes. */
export function replaceAll (text: string, replacements: Record<string, string>): string {
  return Object.entries(replacements).reduce((changed, [from, to]) => {
    if (!changed.includes(from)) throw new Error(`There is no ${JSON.stringify(from)} in:\n${text}`)
    return changed.replaceAll(from, to)
  }, text)
}

export interface Place {
  folder: string
  /** Of `localhost`, in PEM files. */
  certificate: string
  key: string
  httpPort: number
  httpsPort: number
  /** `https://localhost:<httpsPort>` */
  origin: string
}

/** Where a proxy runs: a folder, free ports and a certificate of its own. */
export async function findPlace (t: Test): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'signet-proxy-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const { key, cert } = await makeCertificate(t)
  await writeFile(join(folder, 'key.pem'), key)
  await writeFile(join(folder, 'cert.pem'), cert)
  const [httpPort, httpsPort] = [await freePort(), await freePort()]
  const [certificate, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const origin = `https://localhost:${httpsPort}`
  return { folder, certificate, key: keyFile, httpPort, httpsPort, origin }
}

/** Runs nginx with these files as its conf.d, until it listens. */
export async function startNginx (
  t: Test, program: string, { folder, httpPort }: Place, files: string[]
): Promise<void> {
  await mkdir(join(folder, 'temp'))
  const names = files.map((_, index) => join(folder, `${index}.conf`))
  await Promise.all(files.map((file, index) => writeFile(names[index] ?? '', file)))
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path temp/${kind};`)
  await writeFile(join(folder, 'nginx.conf'), `
    ${process.getuid?.() === 0 ? 'user root;' : ''}
    daemon off;
    worker_processes 1;
    pid nginx.pid;
    error_log stderr;
    events {}
    http { access_log off; ${temporary.join(' ')} ${names.map((name) => `include ${name};`).join(' ')} }`)
  const command = ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr']
  await startWebApp(t, `http://127.0.0.1:${httpPort}/`, [program, ...command], {})
}

/** Runs Caddy with this Caddyfile, until it listens. */
export async function startCaddy (t: Test, program: string, place: Place, file: string): Promise<void> {
  const { folder, httpPort, httpsPort } = place
  const options = `{\n admin off\n http_port ${httpPort}\n https_port ${httpsPort}\n}\n`
  await writeFile(join(folder, 'Caddyfile'), options + file)
  const command = ['run', '--adapter', 'caddyfile', '--config', join(folder, 'Caddyfile')]
  await startWebApp(t, `http://127.0.0.1:${httpPort}/`, [program, ...command], { XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder })
}

/**
 * A visitor at an address of their own, with the cookies of one browser. curl keeps them as browsers do, by `Secure`
 * and `__Host-`, and takes the certificate for the only authority.
 */
export function createVisitor ({ folder, certificate }: Place, address: string) {
  return async (url: string, ...options: string[]): Promise<{ status: number, body: string }> => {
    const jar = join(folder, `cookies-${address}`)
    const { stdout } = await promisify(execFile)('curl', [
      '--silent', '--show-error', '--interface', address, '--cacert', certificate, '--max-time', '30',
      '--cookie', jar, '--cookie-jar', jar, '--write-out', '\n%{http_code}', ...options, url
    ])
    const end = stdout.lastIndexOf('\n')
    return { status: Number(stdout.slice(end + 1)), body: stdout.slice(0, end) }
  }
}
