export type SigningAlgorithm = 'ES256' | 'RS256' | 'EdDSA'
