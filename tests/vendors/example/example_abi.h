/* The interface of libexample.so: a vendor that exists for tests only. */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  char name[32];
  char serial[32];
  char address[16]; /* domain:bus:device.function */
  uint32_t units;
} example_device_t;

typedef struct {
  uint64_t power_uw;
  uint64_t energy;     /* in steps of 2^-16 J */
  uint8_t busy;        /* per cent */
  double matrix_ticks; /* in which the matrix units worked, since a start */
  double ticks;        /* of the core clock since that start */
} example_state_t;

/* All return 0 where they succeeded. */
int example_open(void);
int example_count(unsigned* count);
int example_describe(unsigned device, example_device_t* out);
int example_read(unsigned device, example_state_t* out);

#ifdef __cplusplus
}
#endif
