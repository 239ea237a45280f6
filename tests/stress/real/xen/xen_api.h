// Xen's toolstack libraries for C++: their headers name no language linkage of their own.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

extern "C" {
#include <xenctrl.h>  // first: it asks for the tools' part of the interface
#include <xenguest.h>
#include <xenstore.h>

#include <xen/hvm/params.h>
}
