/* LD_PRELOAD library for one test: a disk that says it has synced and has not, which is what synchronous=OFF would be.
   With it the power cut test must find lost rows; otherwise that test proves nothing. */
int fsync(int descriptor);
int fdatasync(int descriptor);
int fsync(int descriptor) { return (void)descriptor, 0; }
int fdatasync(int descriptor) { return (void)descriptor, 0; }
