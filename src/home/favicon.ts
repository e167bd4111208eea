import type { FastifyPluginAsync } from 'fastify'

/** A ring, 32 by 32 pixels. */
const ICON = Buffer.from(
  'AAABAAEAICAAAAEAIADlAwAAFgAAAIlQTkcNChoKAAAADUlIRFIAAAAgAAAAIAgGAAAAc3p69AAAA5pJREFUeJzEVl1rFGcUfs5kdmeD2bTko58o' +
  'glCxaNZo26jQXpRCKRbaQtvbKoVSpY2h0FbwB/QDgiZB8U7jjaAgeuHXnQYUvYgx67cgSBS/NtmgG3V3M/sezzvROO8yszsjQh7YXea8z3POs2fm' +
  'Pe9YmGNYmGPMuQE7CinTPXEWhE8QAwyczfa1rqrHq9uBZT3j6+IW1yCgy9PW54Vj8V+5dKpIN0DUjlcBc66Y4kXX/m8vhFFqdiBVoi2vXFxDtF6O' +
  'WpSwhaU940sshREicvzxLzuT+O+npkDN34NTOD5SNmLMXHJhfXC5v2UsSBPaAYvp5+ribc2ELT/MC5N4a5rjh86RILUxtE7YwjSlepkxaSSTT8IO' +
  'f2z0WvWqzlGmxj7ENXBl27y7UtJwnnvE6D34OEzirWmOCdo4kysYNXeBRkf3+EFp4zf+2IpFNqwqpZK65264Rkzu/6Fsf9u3NdLXNtD5e6G9gvKw' +
  '9Gl+XadV4JmvMZSTH2d3ph8groGVv3BiOpUfIsIqNgUus7old68AUjP7m620fKdlbQETGjweP8/OOD16t+Uz7KdKUJ3QUeym8pt18edFX/yroxU4' +
  '6y/2N90P0iz+LfeeY1mDovtiVkRYk3l38s9R4N8gTWAHOn4tvEVO6aYsN84GGYdH+1u/RgR0bJo4Iom/mpUyT5UryYVXtzdPVHMDd4EU/9FfXG8l' +
  'i5PrERWl5Dox/Gg2H1GTY7vfB1EDDTDTWsMQYffIQDqHiPAeOqI9Zk61NrIBIs4YYuAUYkK6VqWhDKIakA68478uu4kTiAlls2GAwG2IakDY0wYp' +
  'yYy4BoqOkUO2J0c2IHvYGJ0J1/0IMdFgl1cYAcY9RDXAxKP+a0W0HDFBUJ1mgM4jqgFi66hBIt6g344QEct7Jt+UrbfBCDKOIaqBQhF7RfDQF1qY' +
  'KlqDiAil1F75ef9lbeSfMPYFcUPPgkx3frO04h9/TI9ipUdxX/AoXrpp6m0LpV3+KegZAv640Ne6NZYB7zBqzJ8UwmqYLnRneiuEM8qyh5ltJ1kp' +
  'LpOnfI1weyTjGyYdQ9k7LZ+HHUY1T1n9jxpQGoavnXEgm3esmEisvN7bPB7GqflWrFvNSh/HfA3xccl1na5axesa0MgOtN6eemp1KaYBuXTr8aXn' +
  'egBtLTpq9eUdTffq0WO96HzYnV9gg78T1acyrJbIvJjvJWG6Jc/AFak+JEPjgDYdNWfcN63XjmcAAAD//1hBgNoAAAAGSURBVAMAnjRB/eLxQFAA' +
  'AAAASUVORK5CYII=',
  'base64'
)

const ONE_DAY = 24 * 60 * 60

/** The icon that browsers show beside the title of a page. */
export const favicon: FastifyPluginAsync = async (app) => {
  app.get('/favicon.ico', { schema: { hide: true } }, async (_request, reply) => {
    reply.header('cache-control', `public, max-age=${ONE_DAY}`)
    return reply.type('image/x-icon').send(ICON)
  })
}
