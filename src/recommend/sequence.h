#pragma once

#include "feature/sequence.h"  // Step, Sequence, ItemSlot: profiles keep them, recommenders read them.
