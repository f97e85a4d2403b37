"""Started by rulemake with the file that describes a job: runs the job's code."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import rulemake_job

rulemake_job.main(sys.argv[1])
