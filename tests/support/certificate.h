/* certificate.h: one to read, made by openssl req -x509. */
#ifndef SIDECLAW_TESTS_CERTIFICATE_H
#define SIDECLAW_TESTS_CERTIFICATE_H

/* Good until 2061: from 2050 on the times are of another type. */
static const char until_2061[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBMDCB46ADAgECAhRoMh1m7AllqogPrAOv0aKtTD1gQjAFBgMrZXAwDDEKMAgG\n"
    "A1UEAwwBYTAiGA8yMDYwMDEwMjAzMDQwNVoYDzIwNjEwMTAxMDMwNDA1WjAMMQow\n"
    "CAYDVQQDDAFhMCowBQYDK2VwAyEAg6JeXuCglI4Oa2eQ70Bwup/qqq8BNV4/jCVD\n"
    "bL8pWHKjUzBRMB0GA1UdDgQWBBRNDCYQK+bwMJy086Q1Q138/PxFHTAfBgNVHSME\n"
    "GDAWgBRNDCYQK+bwMJy086Q1Q138/PxFHTAPBgNVHRMBAf8EBTADAQH/MAUGAytl\n"
    "cANBAAYHe7eoYJjo8zI7twcdPPlLipqYuRnRY8a18Od1ceF04ZrQHr+n8/kSSDWP\n"
    "8B/z+UE2TktwyAozGYlkxdfZJAg=\n"
    "-----END CERTIFICATE-----\n";

#endif
