# Warnings are errors; hardening as Debian builds its daemons.
add_library(flopwatt_flags INTERFACE)
add_compile_options($<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fpch-preprocess>)  # ccache needs it
target_compile_options(flopwatt_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wnon-virtual-dtor -Wold-style-cast
  -Woverloaded-virtual -Wcast-align -Wnull-dereference -Wformat=2 -Wimplicit-fallthrough -Werror
  -fstack-protector-strong -fstack-clash-protection -fcf-protection=full)
# GCC 12 reports these inside its own and Boost's headers when it inlines (GCC bugs 105329, 105651 and their like, strings
# in variants above all); they are no findings of ours, and ASan looks for the real ones.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(flopwatt_flags INTERFACE -Wno-null-dereference -Wno-mismatched-new-delete
    -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread -Wno-restrict -Wno-maybe-uninitialized
    # Types without linkage in coroutine frames: GCC reports them outside the main file, as all sources of a unity build are.
    -Wno-subobject-linkage)
endif()
target_compile_definitions(flopwatt_flags INTERFACE $<$<CONFIG:Release,RelWithDebInfo>:_FORTIFY_SOURCE=2 _GLIBCXX_ASSERTIONS>)
target_link_options(flopwatt_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
# Position-independent executables are what Debian's compilers make by default; saying so again would need a precompiled
# header for libraries and another for programs.

if(FLOPWATT_SANITIZE)
  # Everything is built with them, also the static rooms, so that a report names our lines.
  add_compile_options(-fsanitize=${FLOPWATT_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${FLOPWATT_SANITIZE})
  # TSan knows no fences (Asio has one, which it does not need under TSan); the warning is about that.
  add_compile_options(-Wno-error=tsan)
endif()
