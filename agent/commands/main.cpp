#include "agent/commands/command_line.h"

int main(int argc, char** argv) { return flopwatt::commands::run_command_line(argc, argv); }
