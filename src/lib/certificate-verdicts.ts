/** What OpenSSL and Node.js say of a certificate that they do not accept, by code, in words for people. */
export const certificateVerdicts: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'the certificate has expired',
  CERT_NOT_YET_VALID: 'the certificate is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'the authority that signed the certificate is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT: 'the authority that signed the certificate is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the authority that signed the certificate is not trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the authority that signed the certificate is not trusted here',
};
